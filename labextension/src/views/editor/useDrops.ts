import * as React from 'react';
import { useTools } from '../../react';

/** Its data is the id of a Method. */
const METHOD = 'application/x-ccp-method';

/** Take Methods that are dragged from a list, and files from the file browser. */
export function useDrops(
  root: React.RefObject<HTMLElement>,
  handlers: { onMethod: (id: string) => void; onFile: (path: string) => void }
): void {
  const { onFileDrop } = useTools();
  const latest = React.useRef(handlers);
  latest.current = handlers;
  React.useEffect(() => {
    const el = root.current!;
    const view = el.closest<HTMLElement>('.ccp-View') ?? el;
    const show = (shown: boolean) => view.classList.toggle('ccp-mod-drop', shown);
    const over = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes(METHOD)) {
        event.preventDefault();
        event.dataTransfer.dropEffect = 'copy';
        show(true);
      }
    };
    const leave = (event: DragEvent) => {
      if (!el.contains(event.relatedTarget as Node | null)) {
        show(false);
      }
    };
    const drop = (event: DragEvent) => {
      show(false);
      const id = event.dataTransfer?.getData(METHOD);
      if (id) {
        event.preventDefault();
        latest.current.onMethod(id);
      }
    };
    el.addEventListener('dragover', over);
    el.addEventListener('dragleave', leave);
    el.addEventListener('drop', drop);
    const end = onFileDrop(el, ([path]) => path && latest.current.onFile(path));
    return () => {
      el.removeEventListener('dragover', over);
      el.removeEventListener('dragleave', leave);
      el.removeEventListener('drop', drop);
      end();
    };
  }, [root, onFileDrop]);
}
