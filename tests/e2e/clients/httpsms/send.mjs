// Sends with fetch and reads the message back.
const [base, key, from, to, content] = process.argv.slice(2);
const headers = { 'x-api-key': key, 'Content-Type': 'application/json', Accept: 'application/json' };

const answer = await fetch(`${base}/v1/messages/send`, { headers, method: 'POST', body: JSON.stringify({ content, from, to }) });
const told = await answer.json();
const again = await (await fetch(`${base}/v1/messages/${told.data?.id}`, { headers })).json();
process.stdout.write(`${JSON.stringify(told)}\n${answer.status}\n`);
process.exitCode = answer.ok && again.data?.content === content ? 0 : 1;
