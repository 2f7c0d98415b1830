import { administrationPlaces } from '../../shared/pages/administration-places.ts';
import type { PlaceGroup } from '../../shared/pages/view.ts';

/** The menu of a branch; who may not go somewhere does not see it. */
export const branchPlaces: readonly PlaceGroup[] = [
  {
    label: { en: 'Desk', ru: 'Касса' },
    places: [
      { href: '/', label: { en: 'Today', ru: 'Сегодня' }, permission: 'signed-in', key: 'h' },
      {
        ...{ href: '/inbox', permission: 'signed-in', key: 'i', badge: '/inbox/count' },
        label: { en: 'Inbox', ru: 'Ждёт вас' },
      },
      {
        ...{ href: '/payments/new', permission: 'payment.take', key: 'p' },
        label: { en: 'Take a payment', ru: 'Принять платёж' },
      },
      {
        ...{ href: '/find', permission: 'subscriber.read', key: 'f' },
        label: { en: 'Subscribers', ru: 'Абоненты' },
      },
      {
        ...{ href: '/registrations/new', permission: 'subscriber.register', key: 'r' },
        label: { en: 'Register', ru: 'Подключить' },
      },
      {
        ...{ href: '/operations', permission: 'operation.read', key: 'o' },
        label: { en: 'Operations', ru: 'Операции' },
      },
      {
        ...{ href: '/suspense', permission: 'suspense.read', key: 's' },
        label: { en: 'Suspense', ru: 'Невыясненные' },
      },
      {
        ...{ href: '/payouts/presumed-paid', permission: 'recovery.override', key: 'v' },
        label: { en: 'Presumed paid', ru: 'Спорные выплаты' },
      },
      {
        ...{ href: '/business-days', permission: 'operation.read', key: 'd' },
        label: { en: 'Business days', ru: 'Операционные дни' },
      },
      {
        ...{ href: '/settlements', permission: 'settlement.read', key: 'm' },
        label: { en: 'Settlements', ru: 'Взаиморасчёты' },
      },
      {
        ...{ href: '/cases', permission: 'case.read', key: 'c' },
        label: { en: 'Cases', ru: 'Расхождения' },
      },
    ],
  },
  administrationPlaces,
];
