import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { Notices } from '../../src/lab/notices';
import { at, job, settle, World } from '../store/fakes';

const shown = { execution: jest.fn(), all: jest.fn() };

beforeEach(() => {
  jest.useFakeTimers();
  Notification.dismiss();
  shown.execution.mockClear();
  shown.all.mockClear();
});
afterEach(() => jest.useRealTimers());

async function watching(...ids: string[]): Promise<{ world: World; notices: Notices }> {
  const world = new World();
  const notices = new Notices(world.store, nullTranslator.load(''), shown);
  await world.begin(...ids.map(id => job(id, 'running')));
  return { world, notices };
}

async function end(world: World, id: string, status: string, message = ''): Promise<void> {
  const ended = { ...job(id, status, 5), message };
  world.service.answers.set(`jobs/${id}`, () => ended);
  world.tell({ kind: 'status', execution_id: id, seq: 9, at: at(5), status, message });
  await settle();
}

function texts(): string[] {
  return Notification.manager.notifications.map(each => each.message);
}

it('an end is told with its reason, and a click shows the Execution', async () => {
  const { world } = await watching('e1', 'e2');
  await end(world, 'e1', 'failed', 'exit code 3');
  await end(world, 'e2', 'successful');
  await settle(500);
  expect(texts().sort()).toEqual(['"e1" has failed: exit code 3', '"e2" has ended: successful']);
  const failed = Notification.manager.notifications.find(each => each.message.includes('failed'));
  expect(failed?.options.autoClose).toBe(false);
  failed?.options.actions?.[0].callback({} as MouseEvent);
  expect(shown.execution).toHaveBeenCalledWith('e1');
});

it('many ends are one sentence', async () => {
  const ids = ['e1', 'e2', 'e3', 'e4', 'e5'];
  const { world } = await watching(...ids);
  for (const id of ids) {
    await end(world, id, id === 'e3' ? 'failed' : 'successful');
  }
  await settle(500);
  expect(texts()).toEqual(['5 Executions have ended, 1 of them failed']);
  Notification.manager.notifications[0].options.actions?.[0].callback({} as MouseEvent);
  expect(shown.all).toHaveBeenCalledTimes(1);
});

it('who does not want them has none, and none of the past when they are wanted again', async () => {
  const { world, notices } = await watching('e1', 'e2');
  notices.wanted = false;
  await end(world, 'e1', 'failed');
  await settle(500);
  notices.wanted = true;
  await end(world, 'e2', 'dismissed');
  await settle(500);
  expect(texts()).toEqual(['"e2" was cancelled']);
});

it('what had ended before the page was loaded is not told', async () => {
  const world = new World();
  new Notices(world.store, nullTranslator.load(''), shown);
  await world.begin(job('e1', 'failed'));
  await settle(500);
  expect(texts()).toEqual([]);
});
