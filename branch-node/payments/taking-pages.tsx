import type { Child } from 'hono/jsx';
import type { Ids } from '../../shared/ids/ids.ts';
import {
  Button,
  Facts,
  Field,
  Heading,
  LinkButton,
  Notice,
  Panel,
  Select,
} from '../../shared/pages/components.tsx';
import { keyAgain } from '../../shared/pages/form-key.ts';
import { moneyInput, msisdnInput } from '../../shared/pages/inputs.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import { problemText } from '../../shared/pages/problem-texts.ts';
import { refusalText } from '../../shared/pages/refusal.tsx';
import type { View } from '../../shared/pages/view.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { Payability, PaymentEndpoints } from './payment-routes.ts';
import { paymentTexts } from './payment-texts.ts';

export const newPaymentPath = '/payments/new';
/** Those that have a name in the texts; the first is what most people pay in. */
const knownTenders = ['cash', 'card'] as const;

interface TenderChoice {
  readonly code: string;
  readonly currency: string;
}

export interface TakingPagesDeps {
  readonly pages: Pages;
  readonly payments: PaymentEndpoints;
  readonly ids: Ids;
  /** What is accepted, each in its one currency. */
  readonly tenders: () => readonly TenderChoice[];
}

/** Taking a payment by keyboard: number, Enter, sum, Enter. */
export function takingPages({ pages, payments, ids, tenders }: TakingPagesDeps): void {
  pages.page({ path: newPaymentPath, permission: 'payment.take' }, async (view) => {
    const typed = view.query.msisdn;
    if (typed === undefined || typed === '') return numberForm(view, {});
    const msisdn = msisdnInput(typed);
    if (msisdn === undefined) {
      return numberForm(view, { typed, error: view.words(paymentTexts).wrongNumber });
    }
    try {
      const payability = await payments.checkPayability(view.c, { params: { msisdn } });
      return sumForm(view, { msisdn, payability, tenders: tenders(), key: ids.uuid() });
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return numberForm(view, { typed, error: problemText(view.language, error) });
    }
  });

  pages.action({ path: '/payments', permission: 'payment.take' }, async (view) => {
    const { msisdn = '', sum = '', reference = '', key = ids.uuid() } = view.form;
    const { tender = knownTenders[0] } = view.form;
    try {
      const money = moneyOf(tender, sum);
      if (money === undefined) return await again(view, view.words(paymentTexts).wrongSum);
      const { operationId } = await payments.takePayment(view.c, {
        body: {
          ...{ msisdn, money },
          tender: reference === '' ? { kind: tender } : { kind: tender, reference },
        },
        key,
      });
      return { goTo: `/payments/${operationId}` };
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return again(view, refusalText(view.language, error), error);
    }
  });

  /** In the tender's currency; undefined if it is no sum of it. */
  function moneyOf(tender: string, sum: string) {
    const currency = tenders().find(({ code }) => code === tender)?.currency;
    if (currency === undefined) throw new DomainError('unknown-tender');
    const amount = moneyInput(sum, currency);
    return amount === undefined ? undefined : { amount, currency };
  }

  async function again(view: View, error: string, thrown?: DomainError): Promise<Shown> {
    const { msisdn = '', sum = '', tender, reference = '' } = view.form;
    const payability = await payments.checkPayability(view.c, { params: { msisdn } });
    const filled = { key: keyAgain(view, ids, thrown), sum, tender, reference };
    const form = { msisdn, payability, tenders: tenders(), ...filled, error };
    return { ...sumForm(view, form), status: 422 };
  }
}

function numberForm(view: View, { typed = '', error }: { typed?: string; error?: string }): Shown {
  const words = view.words(paymentTexts);
  const content = (
    <>
      <Heading title={words.take} />
      <form method="get" action={newPaymentPath} class="panel big narrow">
        <Field
          {...{ label: words.number, name: 'msisdn', value: typed, hint: words.numberHint, error }}
          {...{ inputmode: 'tel', autocomplete: 'off', autofocus: true, required: true }}
        />
        <Button>{words.check}</Button>
      </form>
    </>
  );
  return { title: words.take, content, ...(error ? { status: 422 } : {}) };
}

interface SumFormProps {
  readonly msisdn: string;
  readonly payability: Payability;
  readonly tenders: readonly TenderChoice[];
  readonly key: string;
  readonly sum?: string;
  readonly tender?: string | undefined;
  readonly reference?: string;
  readonly error?: string;
}

function sumForm(view: View, props: SumFormProps): { title: string; content: Child } {
  const words = view.words(paymentTexts);
  const { msisdn, payability, key, sum = '', tender, reference = '', error } = props;
  const offered = tendersFor(payability, props.tenders);
  const currencies = new Set(offered.map(({ currency }) => currency));
  const [only] = currencies.size === 1 ? currencies : [];
  const content = (
    <>
      <Heading title={words.take}>
        <LinkButton href={newPaymentPath}>{words.otherNumber}</LinkButton>
      </Heading>
      <Panel title={view.format.msisdn(msisdn)}>
        <Whose view={view} payability={payability} />
      </Panel>
      {offered.length === 0 ? <Notice tone="bad">{words.noTender}</Notice> : null}
      <form method="post" action="/payments" class="panel big narrow">
        <input type="hidden" name="msisdn" value={msisdn} />
        <input type="hidden" name="key" value={key} />
        <Field
          {...{ label: only ? `${words.sum}, ${view.format.currency(only)}` : words.sum }}
          {...{ name: 'sum', value: sum, hint: words.sumHint, error }}
          {...{ inputmode: 'decimal', autocomplete: 'off', autofocus: true, required: true }}
        />
        <Select
          label={words.tender}
          name="tender"
          value={tender}
          choices={offered.map(({ code, currency }) => ({
            value: code,
            label: only ? tenderName(view, code) : `${tenderName(view, code)}, ${currency}`,
          }))}
        />
        <Field
          {...{ label: words.reference, name: 'reference', value: reference }}
          {...{ autocomplete: 'off', maxlength: 120 }}
        />
        <Button>{words.take}</Button>
      </form>
    </>
  );
  return { title: words.take, content };
}

/** In the currency that the account is known to be kept in; what most people pay in comes first. */
function tendersFor(payability: Payability, tenders: readonly TenderChoice[]): TenderChoice[] {
  const [first] = knownTenders;
  const isOffered = ({ currency }: TenderChoice) =>
    !payability.verified || currency === payability.currency;
  return tenders
    .filter(isOffered)
    .sort((one, other) => Number(other.code === first) - Number(one.code === first));
}

function Whose({ view, payability }: { view: View; payability: Payability }) {
  const words = view.words(paymentTexts);
  if (!payability.verified) {
    return (
      <Notice tone="warn" title={words.unverified}>
        {words.unverifiedText}
      </Notice>
    );
  }
  const { name, homeBranch, status } = payability;
  return (
    <>
      <Facts
        facts={[
          [words.who, name],
          [words.home, homeBranch],
        ]}
      />
      {status === 'blocked' ? <Notice tone="warn">{words.blocked}</Notice> : null}
    </>
  );
}

export function tenderName(view: View, kind: string): string {
  const known = knownTenders.find((each) => each === kind);
  return known ? view.words(paymentTexts)[known] : view.nameOf('tenders', kind);
}
