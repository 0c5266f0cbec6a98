import { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';
import type { IMenuEntry } from '../contract';

/** Show a menu as JupyterLab's own are; the focus returns to where it was. */
export function showMenu(entries: readonly IMenuEntry[], at: { x: number; y: number }): void {
  const commands = new CommandRegistry();
  const menu = new Menu({ commands });
  const before = document.activeElement as HTMLElement | null;
  entries.forEach(({ label, icon, run, separated }, number) => {
    const command = `entry-${number}`;
    commands.addCommand(command, { label, icon, execute: run });
    if (separated) {
      menu.addItem({ type: 'separator' });
    }
    menu.addItem({ command });
  });
  menu.addClass('ccp-Menu');
  menu.aboutToClose.connect(() => before?.focus());
  // The command of the chosen entry is carried out after the menu has closed.
  menu.aboutToClose.connect(() => setTimeout(() => menu.dispose(), 1000));
  menu.open(at.x, at.y);
}
