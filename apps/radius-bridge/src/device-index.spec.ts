import { describe, expect, it } from 'vitest';
import type { DeviceChange } from '#model';
import type { Mac } from '#net';
import { DeviceIndex, unknownDevice } from './device-index.js';

const pump = '00:1a:2b:3c:4d:5e' as Mac;
const card = '00:1a:2b:3c:4d:5f' as Mac;
const bare = '00:1a:2b:3c:4d:60' as Mac;
const stranger = '00:1a:2b:3c:4d:61' as Mac;

const device = (mac: Mac, serial?: string): DeviceChange => ({
  mac,
  class: 'infusion-pump',
  posture: 'normal',
  ...(serial !== undefined && { serial }),
});

function indexOf(...changes: DeviceChange[]): DeviceIndex {
  const index = new DeviceIndex();
  index.apply(false, 1, changes);
  return index;
}

describe('device index', () => {
  it('knows the serial number of a record, and a record without one from no record', () => {
    const index = indexOf(device(pump, 'A-1'), device(card, 'A-1'), device(bare));
    expect([pump, card, bare, stranger].map((mac) => index.serialOf(mac))).toEqual(['A-1', 'A-1', '', null]);
    expect(index.find(stranger)).toBe(unknownDevice);
  });

  it('takes another serial number, and that there is none any more', () => {
    const index = indexOf(device(pump, 'A-1'));
    index.apply(false, 2, [device(pump, 'A-2')]);
    expect(index.serialOf(pump)).toBe('A-2');
    index.apply(false, 3, [device(pump)]);
    expect(index.serialOf(pump)).toBe('');
    index.apply(false, 4, [{ mac: pump, deleted: true }]);
    expect(index.serialOf(pump)).toBe(null);
  });

  it('has one key for all devices of a class and posture, whatever their serial numbers: decisions are remembered by it', () => {
    const index = indexOf(device(pump, 'A-1'), device(card, 'A-2'), device(bare));
    expect(index.find(pump)).toBe(index.find(bare));
    expect(index.find(card)).toBe(index.find(bare));
  });

  it('tells what it has as a feed does', () => {
    const changes = [device(pump, 'A-1'), device(bare)];
    expect([...indexOf(...changes).each()]).toEqual(changes);
    const again = indexOf(...indexOf(...changes).each());
    expect([again.serialOf(pump), again.serialOf(bare)]).toEqual(['A-1', '']);
  });
});
