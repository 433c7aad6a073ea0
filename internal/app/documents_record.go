package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"doorward/internal/admin"
	"doorward/internal/config"
	"doorward/internal/gate"
)

// namedSources is how many sources a record of documents names: of an index with more, the others
// are counted.
const namedSources = 16

// RecordDocuments implements admin.Documents.
func (a *App) RecordDocuments(ctx context.Context, actor string, c admin.DocumentsChange) error {
	const op = "recording a change of documents"
	if !slices.Contains(admin.DocumentsActions(), c.Action) {
		return operated(op, fmt.Errorf("a change of documents is one of %s", strings.Join(admin.DocumentsActions(), ", ")))
	}
	if a.current.Load().cfg.Upstreams[c.Upstream].Builtin != config.BuiltinDocs {
		return operated(op, errors.New("the gateway's configuration has no builtin docs of this name: reload it first"))
	}
	e := gate.Event{Kind: "docs." + c.Action, Actor: actor, Upstream: c.Upstream, Status: "begun", Detail: sourcesText(c.Sources)}
	if c.Failed {
		e.Status = "failed"
	}
	return operated(op, a.trail.Event(ctx, e))
}

func sourcesText(sources []string) string {
	text := gate.Visible(strings.Join(sources[:min(len(sources), namedSources)], ", "))
	if more := len(sources) - namedSources; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
