package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/judge"
	"doorward/internal/secret"
)

// appoint makes the judge of a configuration; nil where there is none, and where
// nobody is served.
func (a *App) appoint(cfg *config.Config, secrets *secret.Store, serving bool) (*judge.Judge, error) {
	c := cfg.Trust.Judge
	if c == nil || !serving {
		return nil, nil //nolint:nilnil // no judge is no failure
	}
	pool, err := roots(c.CA)
	if err != nil {
		return nil, fmt.Errorf("trust.judge: %w", err)
	}
	jc := judge.Config{URL: c.URL, Model: c.Model, Roots: pool, Timeout: time.Duration(c.Timeout), PassOnFailure: c.OnFailure == "ignore"}
	if c.Secret != "" {
		jc.Secret = func() (gate.Secret, error) { return secrets.Get(c.Secret) }
	}
	j, err := judge.New(jc)
	if err != nil {
		return nil, fmt.Errorf("trust.judge: %w", err)
	}
	return j, nil
}

// judges puts held calls before the judge of the current snapshot.
type judges struct{ *App }

// Objects implements approve.Judge. A judge who wants the call held changes
// nothing: it is held already.
func (j judges) Objects(ctx context.Context, ex *gate.Exchange) (reason string, objects bool) {
	snap := j.current.Load()
	if snap == nil || snap.judge == nil {
		return "", false
	}
	it := ex.Target.Item
	q := judge.Question{
		Kind: "call", Upstream: ex.Target.Upstream, Item: it.Name, ItemKind: it.Kind.String(), Digest: it.Digest.String(),
		Definition: json.RawMessage(it.Raw), Subject: ex.Principal.Subject, Findings: told(ex.Findings),
	}
	if at, ok := ex.Call.Message.Field("arguments"); ok {
		q.Arguments = json.RawMessage(ex.Call.Message.Bytes(at))
	}
	answer, err := snap.judge.Ask(ctx, q)
	if err != nil {
		j.Log.WarnContext(ctx, "the judge gave no answer", "exchange", ex.ID, "error", err)
	}
	return gate.Visible(answer.Reason), answer.Opinion == judge.Block
}

// told are findings as a judge reads them: where, and nothing of the text.
func told(found []gate.Finding) []judge.Finding {
	out := make([]judge.Finding, 0, len(found))
	for i := range found {
		out = append(out, judge.Finding{Rule: found[i].Rule, Severity: found[i].Severity.String(), Where: found[i].Where})
	}
	return out
}
