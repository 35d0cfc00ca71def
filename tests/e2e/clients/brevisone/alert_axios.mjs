// An alert through axios, which writes blanks of a query as plus signs.
import axios from 'axios';

const [base, username, password, to, text] = process.argv.slice(2);

const answer = await axios.get(`${base}/api.php`, {
  params: { text, to, username, password, mode: 'number' },
  timeout: 5000,
  validateStatus: () => true,
});
process.stdout.write(`${answer.data}\n${answer.status}\n`);
process.exitCode = answer.status === 200 ? 0 : 1;
