package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/judge"
	"doorward/internal/lock"
	"doorward/internal/secret"
)

// appoint makes the judge of a configuration; nil where there is none.
func (a *App) appoint(cfg *config.Config, secrets *secret.Store) (*judge.Judge, error) {
	c := cfg.Trust.Judge
	if c == nil {
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
		Kind: judge.KindCall, Upstream: ex.Target.Upstream, Item: it.Name, ItemKind: it.Kind.String(), Digest: it.Digest.String(),
		Definition: json.RawMessage(it.Raw), Subject: ex.Principal.Subject, Findings: told(ex.Findings),
	}
	if at, ok := ex.Call.Message.Field("arguments"); ok {
		q.Arguments = json.RawMessage(ex.Call.Message.Bytes(at))
	}
	answer, err := snap.judge.Ask(ctx, q)
	if err != nil {
		j.Log.WarnContext(ctx, "the judge gave no answer", "exchange", ex.ID, "trace_id", ex.Trace.TraceID(), "span_id", ex.Trace.SpanID(), "error", err)
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

// askAgain has a judge who gave no answer asked at the next look.
func (a *App) askAgain() {
	if snap := a.current.Load(); snap != nil && snap.judge != nil {
		snap.judge.AskAgain()
	}
	a.pins.AskAgain()
}

// judgeTime bounds how long a look at definitions waits for the judge: whoever
// lists them waits too. What was not answered by then is asked again half a minute
// later, or when an operator asks for a new look.
const judgeTime = 30 * time.Second

// opinions adds what the judge says of definitions that nobody has approved to
// what the detectors found.
func (a *App) opinions(items []gate.Item, found [][]gate.Finding) {
	snap := a.current.Load()
	if snap == nil || snap.judge == nil {
		return
	}
	ctx, cancel := context.WithTimeout(a.ctx, judgeTime)
	defer cancel()
	next := make(chan int)
	var asking sync.WaitGroup
	for range judge.MaxAtOnce {
		asking.Go(func() {
			for i := range next {
				if f, ok := a.opinion(ctx, snap.judge, &items[i], found[i]); ok {
					found[i] = append(found[i], f)
				}
			}
		})
	}
	for i := range items {
		if items[i].State != gate.Approved {
			next <- i
		}
	}
	close(next)
	asking.Wait()
}

// opinion is the judge's of one definition, as a finding.
func (a *App) opinion(ctx context.Context, j *judge.Judge, it *gate.Item, found []gate.Finding) (gate.Finding, bool) {
	answer, err := j.Ask(ctx, judge.Question{
		Kind: judge.KindDefinition, Upstream: it.Upstream, Item: it.Name, ItemKind: it.Kind.String(), Digest: it.Digest.String(),
		Definition: json.RawMessage(it.Raw), Approved: a.approvedBefore(it), Findings: told(found),
	})
	if err != nil && !errors.Is(err, judge.ErrRecently) {
		a.Log.WarnContext(ctx, "the judge gave no answer", "upstream", it.Upstream, "item", gate.Visible(it.Name), "error", err)
	}
	f := gate.Finding{Rule: "judge.block", Severity: gate.High, Text: answer.Reason, Why: "the judge says that it must not be used"}
	switch answer.Opinion {
	case judge.NoWord:
		return f, false
	case judge.Hold:
		f.Rule, f.Severity, f.Why = "judge.hold", gate.Medium, "the judge wants a person to look at it"
	case judge.Block:
		if err != nil {
			f.Rule, f.Why = gate.RuleUnjudged, "the judge gave no answer"
		}
	}
	return f, true
}

// approvedBefore is the definition that a person approved, of one that differs now.
func (a *App) approvedBefore(it *gate.Item) json.RawMessage {
	before, _, ok := a.pins.Both(lock.Entry{Kind: it.Kind, Upstream: it.Upstream, Name: it.Name})
	if !ok {
		return nil
	}
	return json.RawMessage(before.Raw)
}
