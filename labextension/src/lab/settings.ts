import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { Keeping, Kept } from '../hosts/keeping';
import type { Notices } from './notices';

/** Carry out the user's settings, now and whenever they change. */
export async function followSettings(
  registry: ISettingRegistry,
  plugin: string,
  notices: Notices,
  keeping: Keeping
): Promise<void> {
  const settings = await registry.load(plugin);
  const follow = () => {
    notices.wanted = settings.composite.notifications === true;
  };
  keeping.usual = () => settings.composite.archive as Kept;
  settings.changed.connect(follow);
  follow();
}
