import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Put, Query } from '@nestjs/common';
import type { Clock } from '#base';
import { devicePostureSchema, macSchema } from '#model';
import type { Mac } from '#net';
import { z } from 'zod';
import { Actor, Allow } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { pageQuery, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { PolicyLoop } from '../policy/policy-loop.js';
import { AuthenticationStore, type MarkedAuthentication } from '../history/authentication-store.js';
import type { DeviceRow } from '../store/rows.js';
import { checkClass } from './class-check.js';
import { classChange, deviceChange, newDevice, postureChange, useChange, type NewDevice } from './device-fields.js';
import { DeviceStore, type UseAnswer } from './device-store.js';
import { importDevices, type ImportAnswer } from './import-devices.js';
import { clockToken } from '../wiring.js';

const listQuery = z.strictObject({
  class: z.string().optional(),
  posture: devicePostureSchema.optional(),
  search: z.string().max(200).optional(),
  ...pageQuery,
});
const importQuery = z.strictObject({ mode: z.enum(['all-or-nothing', 'valid-rows']).default('all-or-nothing') });
const macPipe = new ZodPipe(macSchema);

@Controller('api/v1/devices')
export class DevicesController {
  constructor(
    @Inject(DeviceStore) private readonly store: DeviceStore,
    @Inject(AuthenticationStore) private readonly history: AuthenticationStore,
    @Inject(PolicyLoop) private readonly policy: PolicyLoop,
    @Inject(clockToken) private readonly clock: Clock,
  ) {}

  @Get()
  @Allow('devices', 'read')
  @ApiRoute({ summary: 'Registered devices, by MAC', query: listQuery })
  list(@Query(new ZodPipe(listQuery)) query: z.infer<typeof listQuery>): Promise<Page<DeviceRow>> {
    return this.store.list(query);
  }

  @Post()
  @Allow('devices', 'write')
  @ApiRoute({ summary: 'Register a device', body: newDevice, status: 201 })
  create(@Actor() actor: string, @Body(new ZodPipe(newDevice)) device: NewDevice): Promise<DeviceRow> {
    checkClass(this.snapshot(), device.class);
    return this.store.create(device, actor);
  }

  @Post('import')
  @HttpCode(200)
  @Allow('devices', 'write')
  @ApiRoute({
    summary: 'Register and change devices from CSV (mac,class,posture,name,location,serial)',
    query: importQuery,
    text: 'text/csv',
  })
  import(
    @Actor() actor: string,
    @Query(new ZodPipe(importQuery)) query: z.infer<typeof importQuery>,
    @Body() body: unknown,
  ): Promise<ImportAnswer> {
    if (typeof body !== 'string')
      throw new Refusal('malformed', 'send the CSV as the body, with Content-Type: text/csv');
    const ports = { store: this.store, clock: this.clock, snapshot: this.snapshot() };
    return importDevices(ports, body, query.mode, actor);
  }

  @Get(':mac')
  @Allow('devices', 'read')
  @ApiRoute({ summary: 'One device' })
  get(@Param('mac', macPipe) mac: Mac): Promise<DeviceRow> {
    return this.store.get(mac);
  }

  @Patch(':mac')
  @Allow('devices', 'write')
  @ApiRoute({ summary: 'Change some fields of a device', body: deviceChange })
  change(
    @Actor() actor: string,
    @Param('mac', macPipe) mac: Mac,
    @Body(new ZodPipe(deviceChange)) change: z.infer<typeof deviceChange>,
  ): Promise<DeviceRow> {
    if (change.class !== undefined) checkClass(this.snapshot(), change.class);
    return this.store.change(mac, change, { actor, action: 'device.change' });
  }

  @Put(':mac/posture')
  @Allow('devices', 'write')
  @ApiRoute({ summary: 'Quarantine a device, mark it at risk, or release it', body: postureChange })
  setPosture(
    @Actor() actor: string,
    @Param('mac', macPipe) mac: Mac,
    @Body(new ZodPipe(postureChange)) { posture, reason }: z.infer<typeof postureChange>,
  ): Promise<DeviceRow> {
    return this.store.change(mac, { posture }, { actor, action: 'device.posture', reason });
  }

  @Post('in-use')
  @HttpCode(200)
  @Allow('clinical-use', 'write')
  @ApiRoute({
    summary: 'Devices are in clinical use, or not any more: what would disrupt one that is waits',
    body: useChange,
  })
  setInUse(
    @Actor() actor: string,
    @Body(new ZodPipe(useChange)) { macs, inUse }: z.infer<typeof useChange>,
  ): Promise<UseAnswer> {
    return this.store.setInUse(macs, inUse, actor);
  }

  @Put(':mac/class')
  @Allow('devices', 'write')
  @ApiRoute({ summary: 'Give a device another class', body: classChange })
  setClass(
    @Actor() actor: string,
    @Param('mac', macPipe) mac: Mac,
    @Body(new ZodPipe(classChange)) body: z.infer<typeof classChange>,
  ): Promise<DeviceRow> {
    checkClass(this.snapshot(), body.class);
    return this.store.change(mac, { class: body.class }, { actor, action: 'device.class', reason: body.reason });
  }

  @Delete(':mac')
  @HttpCode(204)
  @Allow('devices', 'write')
  @ApiRoute({ summary: 'Forget a device: on the network it is unknown from now on', status: 204 })
  remove(@Actor() actor: string, @Param('mac', macPipe) mac: Mac): Promise<void> {
    return this.store.remove(mac, actor);
  }

  @Get(':mac/authentications')
  @Allow('devices', 'read')
  @ApiRoute({ summary: 'What the bridge answered for this MAC, newest first', query: z.strictObject(pageQuery) })
  authentications(
    @Param('mac', macPipe) mac: Mac,
    @Query(new ZodPipe(z.strictObject(pageQuery))) query: { cursor?: string | undefined; limit: number },
  ): Promise<Page<MarkedAuthentication>> {
    return this.history.list({ mac, ...query });
  }

  private snapshot() {
    return this.policy.active?.snapshot ?? null;
  }
}
