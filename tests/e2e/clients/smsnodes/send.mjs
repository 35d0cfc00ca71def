// Hands a text to a telephone's queue, and prints what the queue says of it.
const [base, deviceUsername, password, to, message] = process.argv.slice(2);

const answer = await fetch(base + '/api/send-sms', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ deviceUsername, password, phoneNumbers: to.split(','), message, priority: 1 }),
});
process.stdout.write(`${JSON.stringify(await answer.json())}\n${answer.status}\n`);
process.exitCode = answer.ok ? 0 : 1;
