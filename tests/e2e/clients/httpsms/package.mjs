// Uses the published package as it is.
import HttpSms from 'httpsms';

const [base, key, from, to, content] = process.argv.slice(2);
const client = new HttpSms(key, base);

try {
  const message = await client.messages.postSend({ content, from, to, encrypted: false });
  process.stdout.write(`${JSON.stringify(message)}\n200\n`);
  process.exitCode = message.content === content && message.owner === from ? 0 : 1;
} catch (error) {
  process.stdout.write(`${JSON.stringify(error.response?.data)}\n${error.response?.status}\n`);
  process.exitCode = 1;
}
