import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ITools, ViewName } from './contract';
import { ccpIcon } from './icons';
import type { Panels } from './panels';

export const commandIds = {
  /** Any view; used to restore panels. */
  open: 'ccp:open',
  openMethods: 'ccp:open-methods',
  openMonitor: 'ccp:open-monitor',
  newMethod: 'ccp:new-method',
  run: 'ccp:run'
} as const;

const CATEGORY = 'CCP';

/** Commands, and where they are offered: palette and launcher; menus are in the schema. */
export function addCommands(
  app: JupyterFrontEnd,
  panels: Panels,
  trans: TranslationBundle,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  open: ITools['open']
): void {
  app.commands.addCommand(commandIds.open, {
    label: trans.__('Open a CCP view'),
    isVisible: () => false,
    execute: args => {
      const selection = (args.selection ?? {}) as Record<string, unknown>;
      const id = typeof args.id === 'string' ? args.id : undefined;
      return panels.open(args.view as ViewName, selection, id);
    }
  });
  const shown: [string, ViewName, string, string][] = [
    [
      commandIds.run,
      'form',
      trans.__('Run a Method'),
      trans.__('Choose a Method, fill in its inputs, and run it')
    ],
    [
      commandIds.openMethods,
      'methods',
      trans.__('Methods'),
      trans.__('Methods that you can run on remote engines')
    ],
    [
      commandIds.openMonitor,
      'monitor',
      trans.__('Executions'),
      trans.__('What runs, what has run, and what came out')
    ],
    [
      commandIds.newMethod,
      'editor',
      trans.__('New Method'),
      trans.__('Describe a computation that can be run again')
    ]
  ];
  for (const [rank, [command, view, label, caption]] of shown.entries()) {
    app.commands.addCommand(command, {
      label,
      caption,
      icon: ccpIcon,
      execute: () => open(view, {})
    });
    palette?.addItem({ command, category: CATEGORY });
    launcher?.add({ command, category: CATEGORY, rank });
  }
}
