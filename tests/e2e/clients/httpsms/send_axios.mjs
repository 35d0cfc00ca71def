// Sends with axios under a tag of our own, and finds the message in the talk with that person.
import axios from 'axios';

const [base, key, from, to, content] = process.argv.slice(2);
const api = axios.create({ baseURL: base, headers: { 'x-api-key': key }, validateStatus: () => true });

const { data, status } = await api.post('/v1/messages/send', { content, from, to, request_id: 'invoice-7', encrypted: false });
const talk = await api.get('/v1/messages', { params: { owner: from, contact: to, query: content } });
process.stdout.write(`${JSON.stringify(data)}\n${status}\n`);
process.exitCode = status === 200 && talk.data.data.some((each) => each.id === data.data.id && each.request_id === 'invoice-7') ? 0 : 1;
