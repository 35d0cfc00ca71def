// Sends each pupil's parents a text of their own.
import axios from 'axios';

const [base, key, numbers, text] = process.argv.slice(2);
const bulk = axios.create({ baseURL: base, headers: { 'X-API-Key': key }, validateStatus: () => true });

const messages = numbers.split(',').map((number, at) => ({ number, message_body: `${text} (${at})` }));
const { data, status } = await bulk.post('/api/v2/sms/send/bulk', { messages, reference: 'term-1' });
process.stdout.write(`${JSON.stringify(data)}\n${status}\n`);
process.exitCode = data.success && data.data.successful_messages.length === messages.length ? 0 : 1;
