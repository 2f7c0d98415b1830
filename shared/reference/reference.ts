import type { NodeKey, Peer } from '../federation/peers.ts';
import type { Msisdn, NodeCode } from '../ids/ids.ts';
import { type Money, parseMoney } from '../money/money.ts';
import { assert } from '../problem/problem.ts';
import type { BusinessDate, Instant } from '../time/clock.ts';
import { type DatasetName, type Datasets, datasetNames, type RowOf } from './datasets.ts';
import { indexRanges, indexSingles, type NumberIndex, type SingleNumbers } from './number-index.ts';

export type HomeOf =
  | { readonly kind: 'own'; readonly branch: NodeCode; readonly ported: boolean }
  | { readonly kind: 'foreign'; readonly operator: string }
  | { readonly kind: 'unknown' };

/** Valid from the first day to the last, both included; open-ended without `validTo`. */
export interface Valid {
  readonly validFrom: BusinessDate;
  readonly validTo?: BusinessDate;
}
export interface RatePlan extends Valid {
  readonly code: string;
  readonly name: string;
  readonly monthlyFee: Money;
  readonly switchFee: Money;
  /** Codes of the services that come with it. */
  readonly services: readonly string[];
}
export interface Service extends Valid {
  readonly code: string;
  readonly name: string;
  readonly fee: Money;
}
export interface Tariff extends Valid {
  readonly action: string;
  readonly price: Money;
  readonly payer: 'customer' | 'home-branch';
}
export interface Tender {
  readonly code: string;
  readonly name: string;
  readonly minAmount: Money;
  readonly maxAmount: Money;
  /** The most that one payment may be while its home branch cannot be reached. */
  readonly unverifiedMax: Money;
}
export type Branch = Omit<RowOf<'branches'>, 'code' | 'netDebitCap'> & {
  readonly code: NodeCode;
  readonly netDebitCap: Money;
};

/** One release of the reference data, in memory, immutable; every answer comes from it alone. */
export interface Reference {
  readonly version: number;
  readonly effectiveFrom: Instant;
  /** Where a number lives. Ported numbers go before ranges. Takes under a microsecond or so. */
  homeOf(msisdn: Msisdn): HomeOf;
  branch(code: NodeCode): Branch | undefined;
  branches(): readonly Branch[];
  /** The branches that ever enrolled, as the peer link wants them; removed ones are inactive. */
  peers(): readonly Peer[];
  ratePlan(code: string, businessDate: BusinessDate): RatePlan | undefined;
  ratePlans(businessDate: BusinessDate): readonly RatePlan[];
  service(code: string, businessDate: BusinessDate): Service | undefined;
  services(businessDate: BusinessDate): readonly Service[];
  tariff(action: string, businessDate: BusinessDate): Tariff | undefined;
  /** What the serving branch keeps of a payment, in 1/100 of a per cent; undefined: not agreed. */
  commissionBasisPoints(tender: string, businessDate: BusinessDate): bigint | undefined;
  tender(code: string): Tender | undefined;
  tenders(): readonly Tender[];
  currencies(): readonly RowOf<'currencies'>[];
  /** Names of permissions; a newer release may name some that this software does not know. */
  permissionsOf(role: string, node: 'branch' | 'centre'): ReadonlySet<string>;
  rows<Name extends DatasetName>(name: Name): readonly RowOf<Name>[];
}

/** Builds the view of data sets that passed `validateDatasets`. */
export function buildReference({
  version,
  effectiveFrom,
  datasets,
}: {
  readonly version: number;
  readonly effectiveFrom: Instant;
  readonly datasets: Datasets;
}): Reference {
  const plans = byPeriod(datasets['rate-plans'].map(ratePlanOf), (row) => row.code);
  const services = byPeriod(datasets.services.map(serviceOf), (row) => row.code);
  const tenders = new Map(datasets.tenders.map((row) => [row.code, tenderOf(row)]));
  const branches = new Map(datasets.branches.map((row) => [row.code, branchOf(row)]));
  const branchList = [...branches.values()];
  const tenderList = [...tenders.values()];
  const keys = keysByNode(datasets['node-keys']);
  const peers = branchList.flatMap((row) => peerOf(row, keys.get(row.code) ?? []));
  const currencies = datasets.currencies;
  const permissions = permissionSets(datasets.roles);
  const numbers = indexNumbers(datasets);
  const none: ReadonlySet<string> = new Set();
  return {
    version,
    effectiveFrom,
    homeOf: numbers.homeOf,
    branch: (code) => branches.get(code),
    branches: () => branchList,
    peers: () => peers,
    ratePlan: plans.at,
    ratePlans: plans.all,
    service: services.at,
    services: services.all,
    ...termsIn(datasets),
    tender: (code) => tenders.get(code),
    tenders: () => tenderList,
    currencies: () => currencies,
    permissionsOf: (role, node) => permissions.get(`${node} ${role}`) ?? none,
    rows: rowsReader(datasets, numbers.portedRows),
  };
}

/** What is owed between branches follows from these two data sets alone. */
export function termsIn({
  commissions,
  tariffs,
}: Pick<Datasets, 'commissions' | 'tariffs'>): Pick<Reference, 'tariff' | 'commissionBasisPoints'> {
  const rates = byPeriod(commissions, (row) => row.tender);
  return {
    tariff: byPeriod(tariffs.map(tariffOf), (row) => row.action).at,
    commissionBasisPoints(tender, businessDate) {
      const row = rates.at(tender, businessDate);
      return row && BigInt(row.basisPoints);
    },
  };
}

/**
 * No closure of the view may hold the data sets themselves, or the rows would stay in memory twice.
 * Ported numbers are by far the most rows: they are kept packed, not as the objects they were read
 * as, and made into rows again for whoever asks.
 */
function rowsReader(
  all: Datasets,
  portedRows: () => RowOf<'ported-numbers'>[],
): <Name extends DatasetName>(name: Name) => readonly RowOf<Name>[] {
  const kept: { [Name in DatasetName]?: readonly RowOf<Name>[] } = { ...all };
  delete kept['ported-numbers'];
  return (name) => {
    assert(datasetNames.includes(name), `${name} is a data set`);
    return kept[name] ?? (portedRows() as RowOf<typeof name>[]);
  };
}

function indexNumbers(all: Datasets) {
  const branches = nameList([...all['numbering-plan'], ...all['ported-numbers']], 'branch');
  const operators = nameList(all['foreign-numbering'], 'operator');
  const own = indexRanges(
    all['numbering-plan'].map((row) => ({
      from: Number(row.from),
      to: Number(row.to),
      owner: branches.indexOf(row.branch),
    })),
  );
  const foreign = indexRanges(
    all['foreign-numbering'].map((row) => ({
      from: Number(row.from),
      to: Number(row.to),
      owner: operators.indexOf(row.operator),
    })),
  );
  const ported = indexSingles(all['ported-numbers'], {
    number: (row) => Number(row.msisdn),
    owner: (row) => branches.indexOf(row.branch),
  });
  return {
    homeOf: homeFinder({ own, foreign, ported, branches: branches.names, operators }),
    portedRows: () => portedRows(ported, branches.names),
  };
}

interface NameList {
  readonly names: readonly string[];
  indexOf(name: string): number;
}

function nameList<Field extends string>(
  rows: readonly Readonly<Record<Field, string>>[],
  field: Field,
): NameList {
  const places = new Map<string, number>();
  for (const row of rows) {
    if (!places.has(row[field])) places.set(row[field], places.size);
  }
  return { names: [...places.keys()], indexOf: (name) => places.get(name) ?? 0 };
}

function homeFinder(found: {
  readonly own: NumberIndex;
  readonly foreign: NumberIndex;
  readonly ported: NumberIndex;
  readonly branches: readonly string[];
  readonly operators: NameList;
}): (msisdn: Msisdn) => HomeOf {
  const { own, foreign, ported } = found;
  // One answer per owner, made once: a lookup allocates nothing.
  const ownAnswers = found.branches.map(ownHome({ ported: false }));
  const portedAnswers = found.branches.map(ownHome({ ported: true }));
  const foreignAnswers = found.operators.names.map(
    (operator): HomeOf => ({ kind: 'foreign', operator }),
  );
  const unknown: HomeOf = { kind: 'unknown' };
  return (msisdn) => {
    const number = numberOf(msisdn);
    return (
      portedAnswers[ported.find(number)] ??
      ownAnswers[own.find(number)] ??
      foreignAnswers[foreign.find(number)] ??
      unknown
    );
  };
}

/** As `Number` after `msisdnPattern`, several times as fast; -1 for what is no MSISDN. */
function numberOf(msisdn: string): number {
  if (msisdn.length < 10 || msisdn.length > 15 || msisdn.startsWith('0')) return -1;
  let number = 0;
  for (let place = 0; place < msisdn.length; place += 1) {
    const digit = msisdn.charCodeAt(place) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

function ownHome({ ported }: { readonly ported: boolean }): (branch: string) => HomeOf {
  return (branch) => ({ kind: 'own', branch: branch as NodeCode, ported });
}

function portedRows(ported: SingleNumbers, branches: readonly string[]) {
  const rows: RowOf<'ported-numbers'>[] = [];
  ported.each((number, owner) => {
    rows.push({ msisdn: String(number), branch: branches[owner] ?? '' });
  });
  return rows;
}

/** Rows by code, and of a code the one that is valid on a day. */
function byPeriod<T extends Valid>(rows: readonly T[], codeOf: (row: T) => string) {
  const byCode = new Map<string, T[]>();
  for (const row of rows) byCode.set(codeOf(row), [...(byCode.get(codeOf(row)) ?? []), row]);
  const valid = (row: T, date: BusinessDate): boolean =>
    row.validFrom <= date && (row.validTo === undefined || date <= row.validTo);
  return {
    at: (code: string, date: BusinessDate): T | undefined =>
      byCode.get(code)?.find((row) => valid(row, date)),
    all: (date: BusinessDate): readonly T[] => rows.filter((row) => valid(row, date)),
  };
}

function permissionSets(rows: Datasets['roles']): ReadonlyMap<string, ReadonlySet<string>> {
  const sets = new Map<string, Set<string>>();
  for (const { node, role, permission } of rows) {
    const key = `${node} ${role}`;
    sets.set(key, (sets.get(key) ?? new Set()).add(permission));
  }
  return sets;
}

function keysByNode(rows: Datasets['node-keys']): ReadonlyMap<string, readonly NodeKey[]> {
  const keys = new Map<string, NodeKey[]>();
  for (const { node, ...key } of rows) keys.set(node, [...(keys.get(node) ?? []), key]);
  return keys;
}

function peerOf(branch: Branch, keys: readonly NodeKey[]): readonly Peer[] {
  const { code, peerUrl, signingKey, tlsKeySha256, revokedSerials, active } = branch;
  if (!peerUrl || !signingKey || !tlsKeySha256) return [];
  return [{ code, peerUrl, signingKey, tlsKeySha256, keys, revokedSerials, active }];
}

function branchOf(row: RowOf<'branches'>): Branch {
  return { ...row, code: row.code as NodeCode, netDebitCap: parseMoney(row.netDebitCap) };
}

function ratePlanOf({ currency, monthlyFee, switchFee, ...rest }: RowOf<'rate-plans'>): RatePlan {
  return {
    ...rest,
    monthlyFee: parseMoney({ amount: monthlyFee, currency }),
    switchFee: parseMoney({ amount: switchFee, currency }),
  };
}

function serviceOf({ currency, fee, ...rest }: RowOf<'services'>): Service {
  return { ...rest, fee: parseMoney({ amount: fee, currency }) };
}

function tariffOf({ currency, amount, ...rest }: RowOf<'tariffs'>): Tariff {
  return { ...rest, price: parseMoney({ amount, currency }) };
}

function tenderOf({ code, name, currency, ...sums }: RowOf<'tenders'>): Tender {
  return {
    code,
    name,
    minAmount: parseMoney({ amount: sums.minAmount, currency }),
    maxAmount: parseMoney({ amount: sums.maxAmount, currency }),
    unverifiedMax: parseMoney({ amount: sums.unverifiedMax, currency }),
  };
}
