package app

import (
	"context"
	"fmt"
	"slices"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/inspect"
	"doorward/internal/policy"
)

// inspection makes the inspect stage of a snapshot.
func (a *App) inspection(cfg *config.Config) (*inspect.Stage, error) {
	except := make(map[string]*policy.Selection, 2)
	for class, word := range map[string]string{"secret": "secrets", "personal": "personal_data"} {
		var patterns []string
		for pattern, what := range cfg.Trust.Arguments.Except {
			if slices.Contains(what, word) {
				patterns = append(patterns, pattern)
			}
		}
		s, err := policy.Select(patterns)
		if err != nil {
			return nil, fmt.Errorf("trust.arguments.except: %w", err)
		}
		except[class] = s
	}
	r, args := cfg.Trust.Results, cfg.Trust.Arguments
	markers, err := inspect.NewMarkers(cfg.Trust.Markers)
	if err != nil {
		return nil, fmt.Errorf("trust.markers: %w", err)
	}
	return inspect.New(inspect.Config{
		Results:   inspect.Results{Injection: act(r.Injection), Secrets: act(r.Secrets), Personal: act(r.PersonalData)},
		Arguments: inspect.Arguments{Secrets: act(args.Secrets), Personal: act(args.PersonalData)},
		Except:    func(upstream, tool, class string) bool { return except[class].Has(upstream, tool) },
		Canaries:  a.canaries.known.Load,
		Seen:      a.canarySeen,
		Markers:   markers,
		Foreign:   a.crossed,
		Memory:    a.pieces,
	}), nil
}

// crossed puts on record that an upstream's answer to one tenant, or to somebody without
// one, holds what is another's. The record is the operator's: it names both, and neither
// of them reads it.
func (a *App) crossed(ctx context.Context, ex *gate.Exchange, tenant string, f gate.Finding) error {
	a.Log.ErrorContext(ctx, "an upstream gives a tenant what is another's", "exchange", ex.ID, "trace_id", ex.Trace.TraceID(), "span_id", ex.Trace.SpanID(), "upstream", ex.Target.Upstream)
	return a.trail.EventOf(ctx, ex, gate.Event{
		Kind: "tenant.crossed", Actor: "doorward", Upstream: ex.Target.Upstream, Exchange: ex.ID,
		Detail: fmt.Sprintf("a marker of tenant %s at %s", gate.Visible(tenant), f.Where), Status: "refused",
	})
}

// act reads an act's word; config knows no other.
func act(word string) gate.Act {
	for _, a := range [...]gate.Act{gate.Mask, gate.Wrap, gate.Warn, gate.Allow} {
		if a.String() == word {
			return a
		}
	}
	return gate.Block
}
