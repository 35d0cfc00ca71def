// Sends with fetch, then looks what is left of the balance.
const [base, key, numbers, message_body] = process.argv.slice(2);
const headers = { 'x-api-key': key, 'content-type': 'application/json' };

const answer = await fetch(`${base}/api/v2/sms/send`, {
  method: 'POST',
  headers,
  body: JSON.stringify({ numbers, message_body, message_type: 'transactional' }),
});
const told = await answer.json();
const balance = await (await fetch(`${base}/api/v2/account/balance`, { headers })).json();
process.stdout.write(`${JSON.stringify(told)}\n${answer.status}\n`);
process.exitCode = told.success && balance.data?.balance === told.data.remaining_balance ? 0 : 1;
