package app

import (
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
	return inspect.New(inspect.Config{
		Results:   inspect.Results{Injection: act(r.Injection), Secrets: act(r.Secrets), Personal: act(r.PersonalData)},
		Arguments: inspect.Arguments{Secrets: act(args.Secrets), Personal: act(args.PersonalData)},
		Except:    func(upstream, tool, class string) bool { return except[class].Has(upstream, tool) },
		Canaries:  a.canaries.known.Load,
		Seen:      a.canarySeen,
		Memory:    a.pieces,
	}), nil
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
