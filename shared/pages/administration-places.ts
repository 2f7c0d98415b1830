import type { PlaceGroup } from './view.ts';

/** The menu's part that every node has. */
export const administrationPlaces: PlaceGroup = {
  label: { en: 'Administration', ru: 'Управление' },
  places: [
    {
      ...{ href: '/staff', permission: 'operator.manage', key: 'u' },
      label: { en: 'Staff', ru: 'Сотрудники' },
    },
    {
      ...{ href: '/node', permission: 'stream.read', key: 'n' },
      label: { en: 'This node', ru: 'Этот узел' },
    },
    {
      ...{ href: '/audit', permission: 'audit.read', key: 'a' },
      label: { en: 'Audit trail', ru: 'Журнал действий' },
    },
  ],
};
