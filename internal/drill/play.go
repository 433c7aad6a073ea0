package drill

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/evidence"
	"doorward/internal/monitor/figures"
)

// play is one exercise from the attack to the closed incident.
func (s *stage) play(ctx context.Context, e *exercise) {
	s.exercise = e.name
	if s.Out != nil {
		_, _ = fmt.Fprintf(s.Out, "\n%s\n", e.name)
	}
	var suspects []suspect
	detected := s.step(ctx, "the attack is made, and somebody is paged ("+e.rule+")", alertWithin, func(ctx context.Context) (err error) {
		if suspects, err = e.attack(ctx, s); err == nil {
			err = s.pager.wait(ctx, e.rule)
		}
		return err
	})
	if !detected && suspects == nil {
		return // it is on the list, and there is nothing to contain
	}
	id := ""
	s.step(ctx, "its rule opens an incident", containWithin, func(ctx context.Context) (err error) {
		id, err = s.opened(ctx, e.rule)
		return err
	})
	for i := range suspects {
		s.contain(ctx, e, id, &suspects[i])
	}
	if id != "" {
		s.recover(ctx, id, suspects)
		s.review(ctx, id)
	}
}

// opened is the incident that a rule has opened, once it has.
func (s *stage) opened(ctx context.Context, rule string) (string, error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		all, err := s.gateways[0].ListIncidents(ctx)
		for i := range all {
			if all[i].Rule == rule && all[i].State != "closed" {
				return all[i].ID, nil
			}
		}
		if err != nil {
			return "", err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// contain suspends one thing, unless the rule does, and waits until every gateway
// refuses it.
func (s *stage) contain(ctx context.Context, e *exercise, id string, one *suspect) {
	by := "an operator"
	if one.rule {
		by = "the rule"
	}
	where := "both gateways"
	if one.alone {
		where = "its gateway"
	}
	s.step(ctx, by+" suspends the "+one.Kind+" on "+where, containWithin, func(ctx context.Context) error {
		if !one.rule {
			_, err := s.gateways[0].Contain(ctx, operator, admin.ContainRequest{
				Incident: id, IncidentSubject: one.IncidentSubject, Reason: "drill: " + e.name,
			})
			if err != nil {
				return err
			}
		}
		return s.all(ctx, one, one.code)
	})
}

// recover writes down what an incident's people do, and lets go of everything.
func (s *stage) recover(ctx context.Context, id string, suspects []suspect) {
	op := s.gateways[0]
	s.step(ctx, "it is noted, and somebody is told", otherWithin, func(ctx context.Context) error {
		_, err := op.NoteIncident(ctx, operator, admin.IncidentNote{Incident: id, Text: "this is a drill"})
		if err == nil {
			_, err = op.NoteIncident(ctx, operator, admin.IncidentNote{Incident: id, To: "the people on call", Text: "this is a drill"})
		}
		return err
	})
	s.step(ctx, "everything is released on both gateways", containWithin, func(ctx context.Context) error {
		if _, err := op.Release(ctx, operator, admin.IncidentAct{Incident: id, Reason: "the drill is over"}); err != nil {
			return err
		}
		for i := range suspects {
			if one := &suspects[i]; !one.gone {
				if err := s.all(ctx, one, ""); err != nil {
					return err
				}
			}
		}
		return nil
	})
	s.step(ctx, "the incident is closed", otherWithin, func(ctx context.Context) error {
		one, err := op.CloseIncident(ctx, operator, admin.IncidentAct{Incident: id, Reason: "a drill"})
		if err == nil && one.State != "closed" {
			err = errors.New("it is " + one.State)
		}
		return err
	})
}

// all waits until every gateway answers so.
func (s *stage) all(ctx context.Context, one *suspect, code string) error {
	gateways := s.gateways
	if one.alone {
		gateways = gateways[:1]
	}
	errs := make([]error, len(gateways))
	var wg sync.WaitGroup
	for i, g := range gateways {
		wg.Go(func() {
			if err := s.until(ctx, g, one.probe, code); err != nil {
				errs[i] = fmt.Errorf("gateway %d: %w", i+1, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// review writes the report and the bundle of an incident, and checks the bundle as
// somebody else would.
func (s *stage) review(ctx context.Context, id string) {
	desk := evidence.Desk{Op: s.gateways[0], Actor: operator}
	var c *evidence.Case
	name := strings.ReplaceAll(s.exercise, " ", "-")
	place := s.dir
	if s.Keep != "" {
		place = s.Keep
	}
	s.step(ctx, "the report says what happened", otherWithin, func(ctx context.Context) (err error) {
		if _, err := s.gateways[1].Checkpoint(ctx); err != nil { // its log is in the bundle, too
			return err
		}
		dirs, err := app.AuditDirs(filepath.Join(s.dir, "data"))
		if err != nil {
			return err
		}
		c, err = evidence.Gather(ctx, desk, &evidence.Request{
			Query: admin.IncidentQuery{Incident: id}, Dirs: dirs, Version: s.Version,
			Figures: func(ctx context.Context, since, until time.Time) (*figures.Summary, error) {
				g, err := app.Figures(ctx, dirs, since, until)
				if err != nil {
					return nil, err
				}
				sum := g.Summary(since, until)
				return &sum, nil
			},
		})
		if err != nil {
			return err
		}
		r, err := evidence.NewReview(c)
		if err != nil {
			return err
		}
		if r.Times.ToDetect == nil || r.Times.ToContain == nil || r.Times.ToRecover == nil || r.Times.Told.IsZero() || len(r.Calls) == 0 || r.Figures.Detection.Alerts == 0 {
			return fmt.Errorf("something is missing of it: %+v", r.Times)
		}
		return writeNew(filepath.Join(place, name+".md"), r.Markdown())
	})
	if c == nil {
		return
	}
	s.step(ctx, "the bundle holds by the log's public key", otherWithin, func(ctx context.Context) error {
		b, err := evidence.Pack(ctx, desk, c, nil)
		if err != nil {
			return err
		}
		path := filepath.Join(place, name+".tar.gz")
		if err := b.Write(path, c.Now); err != nil {
			return err
		}
		if b, err = evidence.Open(path); err != nil {
			return err
		}
		keys, err := s.public(ctx)
		if err != nil {
			return err
		}
		if v := b.Verify(keys); !v.OK || v.Records == 0 {
			return fmt.Errorf("%d records: %s", v.Records, v.Fault)
		}
		return nil
	})
}

// public are the keys that sign the checkpoints of the first gateway's log, as whoever
// keeps them has them.
func (s *stage) public(ctx context.Context) (keys []note.Verifier, err error) {
	report, err := audit.Verify(ctx, filepath.Join(s.dir, "data", "audit"), audit.Options{})
	for _, k := range report.Keys {
		v, err := note.NewVerifier(k.Public)
		if err != nil {
			return nil, err
		}
		keys = append(keys, v)
	}
	return keys, err
}

// verified looks at what is left when all is over: nothing is suspended, and the logs
// are whole.
func (s *stage) verified(ctx context.Context) {
	s.exercise = "afterwards"
	if s.Out != nil {
		_, _ = fmt.Fprintln(s.Out, "\nafterwards")
	}
	s.step(ctx, "no incident is open, and nothing is suspended", otherWithin, func(ctx context.Context) error {
		all, err := s.gateways[0].ListIncidents(ctx)
		for i := range all {
			if all[i].State != "closed" {
				err = errors.Join(err, fmt.Errorf("%s is %s", all[i].ID, all[i].State))
			}
		}
		return err
	})
	s.step(ctx, "the audit logs of both gateways verify", otherWithin, func(ctx context.Context) error {
		dirs, err := app.AuditDirs(filepath.Join(s.dir, "data"))
		for _, dir := range dirs {
			if _, bad := audit.Verify(ctx, dir, audit.Options{}); bad != nil {
				err = errors.Join(err, bad)
			}
		}
		return err
	})
}
