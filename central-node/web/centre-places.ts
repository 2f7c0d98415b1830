import { administrationPlaces } from '../../shared/pages/administration-places.ts';
import type { PlaceGroup } from '../../shared/pages/view.ts';

/** The menu of head office; who may not go somewhere does not see it. */
export const centrePlaces: readonly PlaceGroup[] = [
  {
    label: { en: 'Federation', ru: 'Федерация' },
    places: [
      { href: '/', label: { en: 'Nodes', ru: 'Узлы' }, permission: 'signed-in', key: 'h' },
      {
        ...{ href: '/inbox', permission: 'signed-in', key: 'i', badge: '/inbox/count' },
        label: { en: 'Inbox', ru: 'Ждёт вас' },
      },
      {
        ...{ href: '/reference', permission: 'reference.read', key: 'r' },
        label: { en: 'Reference data', ru: 'Справочники' },
      },
      {
        ...{ href: '/branches', permission: 'branch.enrol', key: 'j' },
        label: { en: 'Joining branches', ru: 'Приём филиалов' },
      },
    ],
  },
  {
    label: { en: 'Money', ru: 'Расчёты' },
    places: [
      {
        ...{ href: '/reconciliation', permission: 'reconciliation.read', key: 'm' },
        label: { en: 'Reconciliation', ru: 'Сверка' },
      },
      {
        ...{ href: '/figures', permission: 'reconciliation.read', key: 'f' },
        label: { en: 'Figures', ru: 'Показатели' },
      },
      {
        ...{ href: '/cases', permission: 'case.read', key: 'c' },
        label: { en: 'Cases', ru: 'Расхождения' },
      },
      {
        ...{ href: '/settlement', permission: 'settlement.read', key: 's' },
        label: { en: 'Settlement', ru: 'Взаиморасчёты' },
      },
    ],
  },
  administrationPlaces,
];
