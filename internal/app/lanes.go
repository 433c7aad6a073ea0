package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"doorward/internal/audit"
)

// maxBeside bounds how many processes share a data directory.
const maxBeside = 64

// auditDir is the log of the n-th process on a data directory, from 1.
func auditDir(dataDir string, n int) string {
	if n == 1 {
		return filepath.Join(dataDir, "audit")
	}
	return filepath.Join(dataDir, fmt.Sprintf("audit-%d", n))
}

// AuditDirs are the logs on a data directory: the gateway's own first, and those
// of processes that ran beside it. The CLI reads them.
func AuditDirs(dataDir string) ([]string, error) {
	beside, err := filepath.Glob(filepath.Join(dataDir, "audit-*"))
	if err != nil {
		return nil, fmt.Errorf("looking for audit logs: %w", err)
	}
	beside = slices.DeleteFunc(beside, func(path string) bool { return filepath.Ext(path) != "" }) // their keys
	slices.Sort(beside)
	return append([]string{auditDir(dataDir, 1)}, beside...), nil
}

// keyFile is the installation's key. The keys of each log lie beside it.
func keyFile(dataDir string) string { return filepath.Join(dataDir, "audit.key") }

func (a *App) auditConfig(dir string) audit.Config {
	origin := a.Config.Audit.Checkpoint.Origin
	if base := filepath.Base(dir); origin != "" {
		origin += strings.TrimPrefix(base, "audit") // every log has a name of its own
	}
	return audit.Config{
		Origin: origin, CheckpointEvery: time.Duration(a.Config.Audit.Checkpoint.Every), Written: a.trail.own,
		Dir: dir, KeyFile: keyFile(a.Config.DataDir),
		Durability: durability(a.Config.Audit.Durability), Arguments: kept(a.Config.Audit.Arguments), Fields: fields(a.Config.Audit.Fields), Log: a.Log,
		PlainIdentity: a.Config.Audit.Identity == "plain",
	}
}

// openAudit takes the first log that no other process writes; one process is all
// there may be, unless the options say otherwise. One log has one writer, or its
// chain would have two ends.
func (a *App) openAudit(dataDir string) error {
	last, wait := 1, a.Wait
	if a.Beside {
		last, wait = maxBeside, 0 // the next log serves as well
	}
	var err error
	for n := 1; n <= last; n++ {
		a.logDir = auditDir(dataDir, n)
		c := a.auditConfig(a.logDir)
		c.Wait = wait
		a.audit, err = audit.Open(c)
		if !errors.Is(err, audit.ErrLocked) {
			a.primary = n == 1
			a.trail.log, a.trail.since = a.audit, time.Now()
			return err
		}
	}
	return err
}
