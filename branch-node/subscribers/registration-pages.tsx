import type { Ids } from '../../shared/ids/ids.ts';
import { Button, Field, Heading, Panel, Select } from '../../shared/pages/components.tsx';
import { fieldComplaint } from '../../shared/pages/field-texts.ts';
import { keyAgain } from '../../shared/pages/form-key.ts';
import { msisdnInput } from '../../shared/pages/inputs.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import { Refusal } from '../../shared/pages/refusal.tsx';
import type { View } from '../../shared/pages/view.ts';
import { type DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { SimEndpoints } from '../sim/sim-routes.ts';
import type { Choices } from './desk-pages.tsx';
import { deskTexts } from './desk-texts.ts';
import type { DeskEndpoints } from './subscriber-desk-routes.ts';
import type { SubscriberEndpoints } from './subscriber-routes.ts';

const path = '/registrations/new';
const permission = 'subscriber.register';
const shownChoices = 20;

export interface RegistrationPagesDeps {
  readonly pages: Pages;
  readonly desk: DeskEndpoints;
  readonly subscribers: SubscriberEndpoints;
  readonly sims: SimEndpoints;
  readonly choices: Choices;
  readonly ids: Ids;
}

type Wrong = Readonly<Record<string, string>>;

/** A new subscriber: who, which number, which card, which plan. */
export function registrationPages(deps: RegistrationPagesDeps): void {
  const { pages, desk, ids } = deps;

  pages.page({ path, permission }, (view) => show(deps, view, {}));

  pages.action({ path, permission }, async (view) => {
    const { key = ids.uuid(), iccid = '', ratePlan = '', msisdn: typed = '' } = view.form;
    // What is no number is refused as it was typed: it must not become any free one.
    const msisdn = msisdnInput(typed) ?? typed.trim();
    try {
      const { operationId } = await desk.registerSubscriber(view.c, {
        body: {
          iccid: iccid.trim(),
          ratePlan,
          ...(msisdn === '' ? {} : { msisdn }),
          ...whoseOf(view.form),
        },
        key,
      });
      return { goTo: `/operations/${operationId}` };
    } catch (error) {
      if (!isDomainError(error)) throw error;
      const wrong = error.errors.map(({ field, message }) => [
        field,
        fieldComplaint(view.language, message),
      ]);
      return show(deps, view, {
        error,
        wrong: Object.fromEntries(wrong),
      });
    }
  });
}

function whoseOf(form: Readonly<Record<string, string>>): object {
  const { customerNumber = '', name = '', documentType = '', documentNumber = '' } = form;
  if (customerNumber.trim() !== '') return { customerNumber: customerNumber.trim().toUpperCase() };
  const optional = Object.fromEntries(
    ['birthDate', 'address', 'contact'].flatMap((field) => {
      const text = form[field]?.trim();
      return text ? [[field, text]] : [];
    }),
  );
  return {
    customer: { name, document: { type: documentType, number: documentNumber }, ...optional },
  };
}

async function show(
  { subscribers, sims, choices, ids }: RegistrationPagesDeps,
  view: View,
  { error, wrong = {} }: { error?: DomainError; wrong?: Wrong },
): Promise<Shown> {
  const words = view.words(deskTexts);
  const limit = String(shownChoices);
  const plans = await subscribers.listRatePlans(view.c);
  const hasStock = view.may('sim.stock');
  const cards = hasStock
    ? (await sims.listSimCards(view.c, { query: { state: 'in-stock', limit } })).items
    : [];
  const numbers = hasStock
    ? (await sims.listNumbers(view.c, { query: { state: 'free', limit } })).items
    : [];
  const given = (name: string) => ({ name, value: view.form[name] ?? '' });
  const content = (
    <>
      <Heading title={words.register} />
      {error === undefined ? null : <Refusal language={view.language} error={error} />}
      <form method="post" action={path}>
        <input type="hidden" name="key" value={keyAgain(view, ids, error)} />
        <div class="columns">
          <Person {...{ view, choices, wrong }} />
          <Panel title={words.line}>
            <Field
              {...{
                label: words.number,
                ...given('msisdn'),
                hint: words.numberHint,
                list: 'numbers',
              }}
              {...{ inputmode: 'tel', autocomplete: 'off', error: wrong.msisdn }}
            />
            <datalist id="numbers">
              {numbers.map(({ msisdn }) => (
                <option value={msisdn} />
              ))}
            </datalist>
            <Field
              {...{ label: words.iccid, ...given('iccid'), hint: words.iccidHint, list: 'cards' }}
              {...{ inputmode: 'numeric', autocomplete: 'off', required: true, error: wrong.iccid }}
            />
            <datalist id="cards">
              {cards.map(({ iccid }) => (
                <option value={iccid} />
              ))}
            </datalist>
            <Select
              {...{ label: words.plan_, name: 'ratePlan', value: view.form.ratePlan }}
              choices={plans.items.map(({ code, name, monthlyFee }) => ({
                value: code,
                label: `${name} — ${view.format.money(monthlyFee)} ${words.monthly}`,
              }))}
            />
            <Button>{words.register}</Button>
          </Panel>
        </div>
      </form>
    </>
  );
  return { title: words.register, content, ...(error === undefined ? {} : { status: 422 }) };
}

function Person({ view, choices, wrong }: { view: View; choices: Choices; wrong: Wrong }) {
  const words = view.words(deskTexts);
  const given = (name: string) => ({ name, value: view.form[name] ?? '' });
  return (
    <Panel title={words.personal}>
      <Field
        label={words.customerName}
        {...given('name')}
        error={wrong['customer.name']}
        autofocus
      />
      <Select
        {...{
          label: words.documentType,
          name: 'documentType',
          value: view.form.documentType,
        }}
        // None is chosen by itself: it would be the first of the alphabet.
        choices={[
          { value: '', label: words.choose },
          ...choices.documentTypes().map(({ code, name }) => ({ value: code, label: name })),
        ]}
        error={wrong['customer.document.type']}
      />
      <Field
        {...{ label: words.documentNumber, ...given('documentNumber') }}
        error={wrong['customer.document.number']}
      />
      <Field
        {...{ label: words.birthDate, ...given('birthDate') }}
        {...{ type: 'date', error: wrong['customer.birthDate'] }}
      />
      <Field label={words.address} {...given('address')} />
      <Field label={words.contact} {...given('contact')} />
      <Field
        {...{ label: words.customerNumber, ...given('customerNumber') }}
        {...{ hint: words.customerNumberHint, error: wrong.customerNumber }}
      />
    </Panel>
  );
}
