import * as React from 'react';
import { useData, useTools } from '../../react';
import { titles, withTitles } from './model';
import { AreaField, CheckField, Section, TextField, useEditing, WordsField } from './parts';

const MEMBERS = ['id', 'title', 'version', 'description', 'keywords', 'metadata'];

/** What is said about the Method, and who sees it. */
export function About({ isNew }: { isNew: boolean }): JSX.Element {
  const { trans } = useTools();
  const { draft, change, problems } = useEditing();
  const { categories, keywords } = useKnownWords();
  const rules = (member: string) =>
    problems.filter(p => !p.list && p.at === member).map(p => p.rule);
  const set = (members: Partial<typeof draft>) => change(old => ({ ...old, ...members }));
  const isPublic = titles(draft, 'visibility').some(each => each.toLowerCase() === 'public');
  return (
    <Section
      title={trans('About')}
      problems={problems.filter(p => !p.list && MEMBERS.includes(p.at)).length}
    >
      <TextField
        label={trans('Title')}
        wide
        focus
        value={draft.title}
        problems={rules('title')}
        onChange={title => set({ title })}
      />
      <AreaField
        label={trans('Description')}
        value={draft.description}
        problems={rules('description')}
        onChange={description => set({ description })}
      />
      <TextField
        label={trans('Version')}
        value={draft.version}
        problems={rules('version')}
        onChange={version => set({ version })}
      />
      <TextField
        label={trans('Id')}
        code
        disabled={!isNew}
        help={isNew ? undefined : trans('Executions refer to it, so it stays.')}
        value={draft.id}
        problems={rules('id')}
        onChange={id => set({ id })}
      />
      <WordsField
        label={trans('Tags')}
        words={draft.keywords}
        offers={keywords}
        problems={rules('keywords')}
        onChange={words => set({ keywords: words })}
      />
      <WordsField
        label={trans('Categories')}
        words={titles(draft, 'category')}
        offers={categories}
        problems={rules('metadata')}
        onChange={words => change(old => withTitles(old, 'category', words))}
      />
      <div className="ccp-EditorField ccp-mod-wide">
        <CheckField
          label={trans('Public: every user of this hub sees it and can run it')}
          checked={isPublic}
          onChange={checked =>
            change(old => withTitles(old, 'visibility', [checked ? 'public' : 'private']))
          }
        />
      </div>
      {!isPublic && (
        <WordsField
          label={trans('Shared with Contexts')}
          help={trans('Groups of users who see it and can run it.')}
          words={titles(draft, 'context')}
          onChange={words => change(old => withTitles(old, 'context', words))}
        />
      )}
      <Authors />
    </Section>
  );
}

function Authors(): JSX.Element | null {
  const { trans } = useTools();
  const { draft } = useEditing();
  const authors = titles(draft, 'author');
  if (!authors.length) {
    return null;
  }
  return <p className="ccp-secondary ccp-mod-wide">{trans('Authors: %1', authors.join(', '))}</p>;
}

/** Tags and categories of the Methods that the user sees: the same words for the same things. */
function useKnownWords(): { categories: string[]; keywords: string[] } {
  const { items } = useData('methods');
  return React.useMemo(() => {
    const categories = items.flatMap(each =>
      (each.metadata ?? []).filter(m => m.role === 'category').map(m => String(m.title ?? ''))
    );
    const keywords = items.flatMap(each => each.keywords ?? []);
    const sorted = (words: string[]) => [...new Set(words.filter(Boolean))].sort();
    return { categories: sorted(categories), keywords: sorted(keywords) };
  }, [items]);
}
