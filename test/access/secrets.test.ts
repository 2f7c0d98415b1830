import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { luhnDigit } from '../../shared/ids/ids.ts';
import { projectRoot } from '../../shared/store/assets.ts';
import { type Answer, cash, send, until } from '../support/federation.ts';
import {
  type DemoPlace,
  type DescribedNode,
  demoPlace,
  type RunningDemo,
} from '../support/processes.ts';
import { injectEverywhere, payloads } from './injection-cells.ts';

const person = {
  name: 'Приметова Аделаида Секретовна',
  document: { type: 'passport-rf', number: '4517 987654' },
  address: 'Тайнинская улица, дом 77',
  contact: 'adelaida.primetova@example.com',
};
const simDigits = '897029900777777777';
const card = { iccid: simDigits + luhnDigit(simDigits), imsi: '250027777777777' };
const typedAsLogin = 'my.secret.passphrase';
const wrongPassword = 'wrong-but-close-to-the-right-one';
const chosenPassword = 'violet trombone under ice';

/** A federation's life with everything logged that can be, and what of it must be nowhere. */
describe('secrets', function () {
  this.timeout(300_000);
  let place: DemoPlace;
  let demo: RunningDemo;
  const secrets = new Map<string, string>();
  const refusals: Answer[] = [];
  let codes: readonly string[] = [];
  let msisdn = '';

  const keep = (what: string, text: string) => void secrets.set(what, text);
  const urlOf = (code: string) => demo.node(code).url;

  async function call(code: string, method: string, path: string, body?: object | string) {
    const headers = { authorization: `Bearer ${secrets.get(`token of ${code}`)}` };
    const request = body === undefined ? { headers } : { headers, body };
    const answer = await send(urlOf(code), method, path, request);
    if (answer.status >= 400) refusals.push(answer);
    return answer;
  }

  async function signIn(code: string, login: string, password: string): Promise<Answer> {
    const body = { login, password };
    const answer = await send(urlOf(code), 'POST', '/api/v1/sessions', { body });
    if (answer.status >= 400) refusals.push(answer);
    return answer;
  }

  before(async () => {
    place = await demoPlace(3, { env: { LOG_LEVEL: 'debug' } });
    demo = await place.up('--branches', '2');
    codes = demo.description.nodes.map(({ code }) => code);
    for (const { code, operators } of demo.description.nodes) {
      for (const { login, password } of operators) keep(`${code} ${login}'s password`, password);
      const manager = operators.find(({ login }) => login === 'manager');
      const answer = await signIn(code, 'manager', manager?.password ?? '');
      keep(`token of ${code}`, answer.body.token);
    }
    await live();
  });
  after(async () => {
    await demo?.killAll();
    place?.remove();
  });

  /** Sign-ins, people, cards, payments, questions to another branch, an invitation, refusals of each kind. */
  async function live(): Promise<void> {
    keep('what was typed as a login', typedAsLogin);
    keep('a wrong password', wrongPassword);
    keep('a chosen password', chosenPassword);
    await signIn('MSK', typedAsLogin, wrongPassword);
    await signIn('MSK', 'cashier', wrongPassword);
    for (const [what, text] of Object.entries({ ...person, ...card })) {
      keep(`a person's ${what}`, typeof text === 'string' ? text : text.number);
    }
    const clerk = { login: 'new.clerk', name: 'New', role: 'cashier', password: chosenPassword };
    await call('MSK', 'POST', '/api/v1/operators', clerk);
    await signIn('MSK', 'new.clerk', chosenPassword);
    await call('MSK', 'POST', '/api/v1/sim-cards', { cards: [card] });
    const wish = { iccid: card.iccid, ratePlan: 'BASIC', customer: person };
    const registered = await call('MSK', 'POST', '/api/v1/subscribers', wish);
    expect(registered.status, JSON.stringify(registered.body)).to.equal(201);
    msisdn = registered.body.msisdn;
    expect(msisdn).to.match(/^\d{11}$/);
    keep("a person's number", msisdn);
    await call('MSK', 'POST', '/api/v1/subscribers', { ...wish, customer: { ...person, x: 1 } });
    await call('MSK', 'POST', '/api/v1/subscribers', `{"customer":${JSON.stringify(person)}`);
    await call('SPB', 'GET', `/api/v1/subscribers/${msisdn}`);
    await call('SPB', 'POST', '/api/v1/payments', { msisdn, ...cash('500.00') });
    await call('SPB', 'POST', '/api/v1/payments', { msisdn: `${msisdn}1`, ...cash('500.00') });
    await call('MSK', 'GET', `/api/v1/subscribers?query=${encodeURIComponent(person.name)}`);
    // The name of a member that nobody knows is told to who sent it; it must be told to nobody else.
    const own = { authorization: `Bearer ${secrets.get('token of MSK')}` };
    const told = `/api/v1/subscribers?${encodeURIComponent(person.name)}=1`;
    expect((await send(urlOf('MSK'), 'GET', told, { headers: own })).status).to.equal(400);
    await call('MSK', 'GET', `/api/v1/${encodeURIComponent(person.name)}/${msisdn}`);
    const invited = await call('HQ', 'POST', '/api/v1/enrolment-tokens', { code: 'EKB' });
    expect(invited.status).to.equal(201);
    keep('an enrolment token', invited.body.token);
    const current = `Bearer ${secrets.get('token of SPB')}`;
    const headers = { authorization: current };
    refusals.push(await send(urlOf('MSK'), 'GET', '/api/v1/operators', { headers }));
    for (const code of codes) {
      const folder = join(dirname(demo.node(code).store), 'identity');
      for (const file of readdirSync(folder)) {
        const text = readFileSync(join(folder, file), 'utf8');
        const [, pem] = /PRIVATE KEY-----\s+(\S+)/.exec(text) ?? [];
        const [, jwk] = /"d":"([^"]+)"/.exec(text) ?? [];
        const key = pem ?? jwk;
        if (key !== undefined) keep(`${code} ${file}`, key);
      }
    }
    // A peer that is away, and a crash that nobody could prepare.
    await demo.kill('SPB');
    await call('MSK', 'POST', '/api/v1/payments', { msisdn: '79219999999', ...cash('1.00') });
    await demo.restart('SPB');
  }

  const folderOf = ({ store }: DescribedNode) => dirname(store);
  const logOf = (code: string) => readFileSync(join(folderOf(demo.node(code)), 'node.log'), 'utf8');

  function expectNone(text: string, where: string): void {
    for (const [what, secret] of secrets) {
      expect(text.includes(secret), `${what} stands in ${where}`).to.equal(false);
    }
  }

  it('stand in no log, of any node, at its most talkative', () => {
    expect([...secrets.keys()].filter((what) => /tls|signing|key/i.test(what)).length).to.be.gte(6);
    for (const code of codes) {
      const log = logOf(code);
      expect(log, code).to.include('"level":"debug"');
      expectNone(log, `the log of ${code}`);
    }
  });

  it('stand in no refusal', () => {
    expect(refusals.length).to.be.greaterThan(6);
    for (const { status, body } of refusals) {
      expect(status).to.be.within(400, 499);
      expectNone(JSON.stringify(body), `a refusal with ${status}`);
    }
  });

  it('stand in no environment and on no command line, which reports and process lists show', () => {
    if (!existsSync('/proc/self/environ')) return;
    for (const { code, pid } of demo.description.nodes) {
      if (!existsSync(`/proc/${pid}`)) continue;
      expectNone(readFileSync(`/proc/${pid}/environ`, 'utf8'), `the environment of ${code}`);
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      expectNone(line, `the command line of ${code}`);
      expect(line).not.to.match(/--(?:report|inspect|heapsnapshot|heap-prof)/);
    }
  });

  it('stand in the store as hashes where nobody needs to read them', async () => {
    const hashed = [...secrets].filter(([what]) => /password|token|typed/.test(what));
    expect(hashed.length).to.be.greaterThan(10);
    for (const code of codes) {
      const { store } = demo.node(code);
      const bytes = ['', '-wal'].map((end) => store + end).filter((path) => existsSync(path));
      const text = Buffer.concat(bytes.map((path) => readFileSync(path))).toString('latin1');
      expect(text).to.include('scrypt$32768$8$1$');
      for (const [what, secret] of hashed) {
        expect(text.includes(secret), `${what} stands in the store of ${code}`).to.equal(false);
      }
    }
  });

  it('lie in files that nobody else may read', () => {
    for (const node of demo.description.nodes) {
      const folder = folderOf(node);
      const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
        /^store\.db|^identity|^authority/.test(file),
      );
      expect(files.length).to.be.greaterThan(5);
      for (const file of files) {
        const mode = statSync(join(folder, file)).mode & 0o077;
        expect(mode.toString(8), `${node.code} ${file}`).to.equal('0');
      }
    }
  });

  it('do not stand in the last words of a process that nobody expected to end', async () => {
    const script = `
      import { runNode } from ${JSON.stringify(join(projectRoot(), 'dist/shared/node/run.js'))};
      const error = Object.assign(new Error('${msisdn} failed', { cause: new Error('${card.iccid}') }),
        { token: '${chosenPassword}' });
      await runNode(async () => ({
        config: { dataDir: ${JSON.stringify(place.dataDir)} },
        start: async () => void setTimeout(() => { throw error; }, 1),
        stop: async () => {},
      }));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'pipe' });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const [code] = await once(child, 'close');
    expect(code).to.equal(1);
    expect(said).to.include('failed').and.include('caused by');
    expectNone(said, 'the last words');
  });

  it('are not had by injection, nor is anything else', async () => {
    for (const code of ['HQ', 'MSK']) {
      const token = secrets.get(`token of ${code}`) ?? '';
      expect(await injectEverywhere(urlOf(code), token)).to.be.greaterThan(200);
    }
    for (const [index, payload] of payloads.entries()) {
      const name = payload === '\u0000' ? 'nul' : payload;
      const login = `hostile${index}`;
      const operator = { login, name, role: 'cashier', password: chosenPassword };
      const added = await call('MSK', 'POST', '/api/v1/operators', operator);
      expect(added.status, name).to.be.oneOf([201, 400]);
      if (added.status === 201) expect(added.body.name).to.equal(name.trim());
    }
    const { status, body } = await call('MSK', 'GET', '/api/v1/operators?limit=200');
    expect(status).to.equal(200);
    expect(body.items.length).to.be.greaterThan(10);
    await until('the log is written', () => logOf('MSK').endsWith('\n'));
    for (const line of logOf('MSK').trimEnd().split('\n')) {
      expect(() => JSON.parse(line), line).not.to.throw();
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
      expect(line).not.to.match(/[\u0000-\u001f\u007f-\u009f]/);
    }
  });
});
