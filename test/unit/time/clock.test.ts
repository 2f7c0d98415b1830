import { expect } from 'chai';
import { calendarDay } from '../../../shared/time/clock.ts';

describe('a calendar day', () => {
  const day = (instant: string, zone: string) => calendarDay(Date.parse(instant), zone);

  it('turns at midnight of its zone, to the second, and turns back with the clock', () => {
    for (let round = 0; round < 2; round += 1) {
      expect(day('2026-11-29T20:59:59.999Z', 'Europe/Moscow')).to.equal('2026-11-29');
      expect(day('2026-11-29T21:00:00.000Z', 'Europe/Moscow')).to.equal('2026-11-30');
      expect(day('2026-11-29T21:00:00.000Z', 'Asia/Vladivostok')).to.equal('2026-11-30');
      expect(day('2026-11-29T21:00:00.000Z', 'Europe/Kaliningrad')).to.equal('2026-11-29');
      expect(day('2026-11-29T18:15:00.000Z', 'Asia/Kathmandu')).to.equal('2026-11-30');
      expect(day('2026-11-29T18:14:59.999Z', 'Asia/Kathmandu')).to.equal('2026-11-29');
    }
  });
});
