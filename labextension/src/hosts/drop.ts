import type { Drag } from '@lumino/dragdrop';

const FILES = 'application/x-jupyter-icontents';

/** Take files that are dragged from JupyterLab's file browser. */
export function onFileDrop(el: HTMLElement, callback: (paths: string[]) => void): () => void {
  const over = (event: Event) => {
    const drag = event as Drag.Event;
    if (drag.mimeData.hasData(FILES)) {
      event.preventDefault();
      event.stopPropagation();
      drag.dropAction = drag.proposedAction;
      el.classList.toggle(
        'ccp-mod-drop',
        event.type === 'lm-dragenter' || event.type === 'lm-dragover'
      );
    }
  };
  const leave = () => el.classList.remove('ccp-mod-drop');
  const drop = (event: Event) => {
    const drag = event as Drag.Event;
    leave();
    if (drag.mimeData.hasData(FILES)) {
      event.preventDefault();
      event.stopPropagation();
      drag.dropAction = drag.proposedAction;
      callback(drag.mimeData.getData(FILES) as string[]);
    }
  };
  const listeners: [string, (event: Event) => void][] = [
    ['lm-dragenter', over],
    ['lm-dragover', over],
    ['lm-dragleave', leave],
    ['lm-drop', drop]
  ];
  listeners.forEach(([name, listener]) => el.addEventListener(name, listener));
  return () => listeners.forEach(([name, listener]) => el.removeEventListener(name, listener));
}
