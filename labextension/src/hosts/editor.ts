import { autocompletion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { lintGutter, setDiagnostics } from '@codemirror/lint';
import { Extension } from '@codemirror/state';
import {
  Decoration,
  DecorationSet,
  EditorView,
  MatchDecorator,
  ViewPlugin,
  ViewUpdate
} from '@codemirror/view';
import { CodeEditor, IEditorServices } from '@jupyterlab/codeeditor';
import { CodeMirrorEditor } from '@jupyterlab/codemirror';
import type { IEditor, IEditorOptions } from '../contract';

/** JupyterLab's own code editor inside an element. */
export function makeEditor(
  services: IEditorServices,
  el: HTMLElement,
  options: IEditorOptions
): IEditor {
  const model = new CodeEditor.Model({ mimeType: options.mime });
  model.sharedModel.setSource(options.text);
  const editor = services.factoryService.newInlineEditor({
    host: el,
    model,
    config: { readOnly: options.readOnly ?? false, lineNumbers: true, lineWrap: true }
  });
  const view = editor instanceof CodeMirrorEditor ? editor.editor : null;
  if (editor instanceof CodeMirrorEditor) {
    editor.injectExtension(extensions(options));
  }
  const onChange = () => options.onChange?.(model.sharedModel.getSource());
  model.sharedModel.changed.connect(onChange);
  return {
    get text() {
      return model.sharedModel.getSource();
    },
    set text(text: string) {
      if (text !== model.sharedModel.getSource()) {
        model.sharedModel.setSource(text);
      }
    },
    mark: problems => view && mark(view, problems),
    focus: () => editor.focus(),
    dispose: () => {
      model.sharedModel.changed.disconnect(onChange);
      editor.dispose();
      model.dispose();
    }
  };
}

function extensions({ label, variables, readOnly }: IEditorOptions): Extension {
  const named = EditorView.contentAttributes.of({ 'aria-label': label });
  if (readOnly) {
    return named;
  }
  return [named, lintGutter(), ...(variables ? [marked, completion(variables)] : [])];
}

/** Show problems in the margin and under the lines. */
function mark(view: EditorView, problems: Parameters<IEditor['mark']>[0]): void {
  const { doc } = view.state;
  const diagnostics = problems.map(({ line, message }) => {
    const { from, to } = doc.line(Math.max(1, Math.min(doc.lines, line)));
    return { from, to, message, severity: 'error' as const };
  });
  view.dispatch(setDiagnostics(view.state, diagnostics));
}

/** Offers names after `{{`, and closes the braces. */
function completion(variables: () => readonly string[]): Extension {
  const source = (context: CompletionContext): CompletionResult | null => {
    const before = context.matchBefore(/\{\{[ \t]*[\w.-]*$/);
    if (!before) {
      return null;
    }
    const typed = before.text.replace(/^\{\{[ \t]*/, '').toLowerCase();
    const after = context.state.sliceDoc(context.pos, context.pos + 200);
    const closed = /^[\w.-]*[ \t]*(\||\}\})/.test(after);
    const names = variables().filter(name => name.toLowerCase().includes(typed));
    return {
      from: before.from,
      options: names.map(name => ({
        label: `{{ ${name}${closed ? '' : ' }}'}`,
        displayLabel: name,
        type: 'variable'
      })),
      // CodeMirror would compare the braces and spaces too.
      filter: false
    };
  };
  return autocompletion({ override: [source] });
}

const decorator = new MatchDecorator({
  regexp: /\{\{[ \t]*[A-Za-z0-9_][\w.-]*[ \t]*(\|[ \t]*[\w-]*[ \t]*)?\}\}/g,
  decoration: Decoration.mark({ class: 'ccp-Variable' })
});

/** Variables look different from the shell's own words. */
const marked = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;

    constructor(view: EditorView) {
      this.decorations = decorator.createDeco(view);
    }

    update(update: ViewUpdate): void {
      this.decorations = decorator.updateDeco(update, this.decorations);
    }
  },
  { decorations: each => each.decorations }
);
