/**
 * What guessers try first. There is no list of leaked passwords here: the long ones among them are
 * nearly all made of these words, rows of keys, repeats and digits around them.
 */
const commonWords = [
  ...['password', 'passwort', 'passw0rd', 'p@ssword', 'p@ssw0rd', 'passphrase', 'parol', 'пароль'],
  ...['qwertyuiop', 'qwerty', 'asdfghjkl', 'asdfgh', 'zxcvbnm', 'zxcvbn', '1q2w3e4r5t6y'],
  ...['1q2w3e4r', '1qaz2wsx3edc', '1qaz2wsx', 'qazwsxedc', 'qazwsx', 'q1w2e3r4', 'йцукен'],
  ...['фывапролдж', 'фывапр', 'ячсмить', 'abcdefgh', 'abcdef', 'abc123', 'a1b2c3d4'],
  ...['welcome', 'letmein', 'iloveyou', 'monkey', 'dragon', 'sunshine', 'princess', 'football'],
  ...['baseball', 'superman', 'batman', 'trustno1', 'starwars', 'whatever', 'freedom', 'secret'],
  ...['changeme', 'default', 'administrator', 'admin', 'root', 'guest', 'login', 'test', 'user'],
  ...['master', 'shadow', 'michael', 'jennifer', 'jordan', 'hunter', 'computer', 'internet'],
  ...['samsung', 'google', 'facebook', 'correcthorsebatterystaple', 'correct horse battery staple'],
  ...['привет', 'любовь', 'москва', 'moscow', 'russia', 'россия', 'zaq12wsx', 'zaq1'],
  ...['winter', 'spring', 'summer', 'autumn', 'january', 'december', 'monday', 'friday'],
  // What this place is called.
  ...['sbms', 'federation', 'branch', 'operator', 'subscriber', 'telecom', 'billing', 'cashier'],
].sort((one, other) => other.length - one.length);

/** How many different characters must be left when all that is easily guessed is taken away. */
const minLeftCharacters = 5;

/** True when little is left of a password without common words, names of its owner and runs. */
export function isWeakPassword(password: string, ownNames: readonly string[] = []): boolean {
  const names = ownNames.flatMap((name) => name.toLowerCase().split(/[^\p{L}\p{N}]+/u));
  const guessed = [...names.filter((name) => name.length > 2), ...commonWords];
  const text = password.normalize('NFKC').toLowerCase();
  const left = withoutRuns(guessed.reduce((rest, word) => rest.replaceAll(word, ''), text));
  return new Set(left).size < minLeftCharacters;
}

/** Without what repeats or counts on: `aaaa`, `abcd`, `4321`, and any block said again. */
function withoutRuns(text: string): string {
  const said = text.replace(/(.+?)\1+/gu, '$1');
  let rest = '';
  let before: number | undefined;
  for (const letter of said) {
    const code = letter.codePointAt(0) ?? 0;
    if (before === undefined || Math.abs(code - before) > 1) rest += letter;
    before = code;
  }
  return rest;
}
