/** Methods, Executions and files that are dropped onto a form. */

import * as React from 'react';
import { useTools } from '../../react';

const METHOD = 'application/x-ccp-method';
const EXECUTION = 'application/x-ccp-execution';

export interface IDrops {
  onMethod: (id: string) => void;
  onExecution: (id: string) => void;
  onFiles?: (paths: string[]) => void;
}

/** Attributes of the element that things are dropped onto. */
export function useDrops(frame: React.RefObject<HTMLElement>, drops: IDrops) {
  const { onFileDrop } = useTools();
  const [over, setOver] = React.useState(false);
  const latest = React.useRef(drops);
  latest.current = drops;
  const takesFiles = drops.onFiles !== undefined;
  React.useEffect(() => {
    const el = frame.current;
    return el && takesFiles ? onFileDrop(el, paths => latest.current.onFiles?.(paths)) : undefined;
  }, [frame, onFileDrop, takesFiles]);
  const isOurs = ({ dataTransfer }: React.DragEvent) =>
    dataTransfer.types.includes(METHOD) || dataTransfer.types.includes(EXECUTION);
  return {
    'data-drop': over || undefined,
    onDragOver: (event: React.DragEvent) => {
      if (isOurs(event)) {
        event.preventDefault();
        event.dataTransfer.dropEffect = 'copy';
        setOver(true);
      }
    },
    onDragLeave: () => setOver(false),
    onDrop: (event: React.DragEvent) => {
      setOver(false);
      if (isOurs(event)) {
        event.preventDefault();
        const method = event.dataTransfer.getData(METHOD);
        const execution = event.dataTransfer.getData(EXECUTION);
        if (execution) {
          latest.current.onExecution(execution);
        } else if (method) {
          latest.current.onMethod(method);
        }
      }
    }
  };
}
