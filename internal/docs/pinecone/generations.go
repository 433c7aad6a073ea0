package pinecone

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"

	"doorward/internal/docs"
)

// mark writes a record of marks, and waits until it is seen.
func (t *target) mark(ctx context.Context, id, generation string, made *docs.Description) error {
	text, err := json.Marshal(made)
	if err != nil {
		return err
	}
	number, err := t.put(ctx, marks, &record{ID: id, Values: axis(t.dimension), Metadata: payload{Generation: generation, Made: string(text), Mark: rand.Text()}})
	if err != nil {
		return err
	}
	return t.wait(ctx, marks, number)
}

// begin goes on with a generation that was not finished and is made with the same, or makes
// one. Any other that is not in use is removed; one that cannot be, Finish tries again.
func (t *target) begin(ctx context.Context, made *docs.Description) (*generation, error) {
	used, err := t.used(ctx)
	if err != nil && !errors.Is(err, docs.ErrEmpty) {
		return nil, err
	}
	but := ""
	if used != nil {
		but = used.name
	}
	names, err := t.begun(ctx, but)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		g, err := t.marked(ctx, markMade+name)
		if err != nil {
			return nil, err
		}
		if g != nil && g.name == name && g.made.Same(made) {
			return g, nil
		}
		err = t.give(ctx, name)
		if err == nil {
			err = t.discard(ctx, name)
		}
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	g := &generation{name: docs.NewGeneration(), made: *made}
	return g, t.mark(ctx, markMade+g.name, g.name, made)
}

// begun are the generations that were begun, but one.
func (t *target) begun(ctx context.Context, but string) ([]string, error) {
	ids, err := t.list(ctx, marks, markMade)
	var names []string
	for _, id := range ids {
		if name := strings.TrimPrefix(id, markMade); name != but {
			names = append(names, name)
		}
	}
	return names, err
}

// give gives a generation up, before anything of it is removed: its record stays, and says that
// it was made with nothing. So nobody goes on with what may lack half of its passages.
func (t *target) give(ctx context.Context, name string) error {
	return t.mark(ctx, markMade+name, name, &docs.Description{})
}

// discard removes a generation that was given up. Its record comes last: what is left of it is
// found by that.
func (t *target) discard(ctx context.Context, name string) error {
	for _, namespace := range []string{passagesOf(name), documentsOf(name)} {
		if err := t.drop(ctx, namespace); err != nil {
			return err
		}
	}
	number, err := t.remove(ctx, marks, []string{markMade + name})
	if err != nil {
		return err
	}
	return t.wait(ctx, marks, number)
}
