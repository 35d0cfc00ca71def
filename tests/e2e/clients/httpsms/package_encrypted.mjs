// Encrypts with the published package, sends, reads the message back and decrypts what came.
import HttpSms from 'httpsms';

const [base, key, from, to, content] = process.argv.slice(2);
const client = new HttpSms(key, base);
const phrase = 'correct horse';

const cipher = client.cipher.encrypt(phrase, content);
const message = await client.messages.postSend({ content: cipher, from, to, encrypted: true });
const { data } = await client.client.get(`/v1/messages/${message.id}`);
process.stdout.write(`${JSON.stringify({ id: message.id, sent: cipher, came: data.data.content })}\n200\n`);
const isWhole = data.data.encrypted && data.data.content === cipher && client.cipher.decrypt(phrase, data.data.content) === content;
process.exitCode = isWhole ? 0 : 1;
