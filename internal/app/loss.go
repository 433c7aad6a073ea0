package app

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gate"
)

// AcceptLoss has the logs of a data directory that no process writes go on without
// something that they have lost, and returns what each had: the log first, then what. That
// is on record in it. It is an error when none has lost any of it.
func AcceptLoss(cfg *config.Config, log *slog.Logger, a audit.Acceptance) ([]string, error) {
	if strings.TrimSpace(a.Reason) == "" {
		return nil, errors.New("say why, with --reason")
	}
	for _, what := range a.What {
		if !slices.Contains(audit.Losses(), what) {
			return nil, fmt.Errorf("a log does not lose its %q: %q", what, audit.Losses())
		}
	}
	dirs, err := AuditDirs(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	a.Reason = gate.Visible(a.Reason)
	of := &App{Options: Options{Config: cfg, Log: log}}
	var found []string
	for _, dir := range dirs {
		c := of.auditConfig(dir)
		c.Accept, c.Written = &a, nil
		l, err := audit.Open(c)
		if err != nil {
			return found, err
		}
		for _, what := range l.Accepted() {
			found = append(found, dir+": "+string(what))
		}
		if err := l.Close(); err != nil {
			return found, err
		}
	}
	if len(found) == 0 {
		return nil, errors.New("nothing of it is lost")
	}
	return found, nil
}
