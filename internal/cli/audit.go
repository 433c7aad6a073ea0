package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/index"
)

func (r *run) auditCommand() *cobra.Command {
	return group("audit", "Read and verify the audit log",
		`  doorward audit tail --follow
  doorward audit search --principal ci --since 24h --status refused
  doorward audit verify
  doorward audit verify --save-checkpoint today.checkpoint
  doorward audit verify --checkpoint today.checkpoint
  doorward audit prove 4711
  doorward audit export --format csv --since 30d -o calls.csv`,
		r.auditTail(), r.auditSearch(), r.auditExport(), r.auditIndex(), r.auditEvidence(), r.auditVerify(), r.auditCheckpoint(), r.auditProve(), r.auditHash(), r.auditReplaceKey(), r.auditAcceptLoss())
}

const openUsage = "also print what is sealed: subject, address, agent and arguments; that you did is on record"

// auditDirs is where the logs are: --dir, or those on the configuration's
// data_dir. Usually there is one; processes beside the gateway have their own.
func (r *run) auditDirs(dir string) ([]string, error) {
	if dir != "" {
		return []string{dir}, nil
	}
	cfg, err := r.load()
	if err != nil {
		return nil, err
	}
	dirs, err := app.AuditDirs(cfg.DataDir)
	return dirs, failed(err)
}

func (r *run) auditTail() *cobra.Command {
	var dir, tenant string
	var n int
	var follow, open bool
	c := &cobra.Command{
		Use: "tail", Short: "Print the last records, and new ones with --follow", Args: cobra.NoArgs,
		Long: `Print the last records, and new ones with --follow. With --tenant they are the last of that
tenant's people; with --follow, those among the last that there are, and new ones.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dirs, err := r.auditDirs(dir)
			if err != nil {
				return err
			}
			if follow {
				dirs = dirs[:1]
			}
			return r.withOpening(cmd.Context(), open, dir, func(ctx context.Context, o *opening) error {
				if follow {
					o.batch = 1
				}
				for _, o.dir = range dirs {
					put := func(rec *audit.Record) error { return o.put(ctx, rec) }
					var err error
					if tenant != "" && !follow {
						err = lastOf(ctx, o.dir, audit.Query{Tenant: tenant, Newest: true, Limit: n}, put)
					} else {
						err = audit.Tail(ctx, o.dir, n, follow, ofTenant(tenant, put))
					}
					if err == nil {
						err = o.flush(ctx)
					}
					if err != nil {
						return failed(err)
					}
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "directory of the log (default: the configuration's)")
	only(c.Flags(), &tenant, "tenant", "the principal's tenant: what is of others, or of none, is left out")
	c.Flags().IntVarP(&n, "lines", "n", 20, "how many records")
	c.Flags().BoolVar(&open, "open", false, openUsage)
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new records of the first log until Ctrl-C")
	return c
}

// ofTenant leaves out what is of other tenants than this one, or of none; empty leaves out nothing.
func ofTenant(tenant string, put func(*audit.Record) error) func(*audit.Record) error {
	q := audit.Query{Tenant: tenant}
	return func(rec *audit.Record) error {
		if !q.Match(rec) {
			return nil
		}
		return put(rec)
	}
}

// lastOf yields the newest records that match, the oldest of them first.
func lastOf(ctx context.Context, dir string, q audit.Query, put func(*audit.Record) error) error {
	if q.Limit <= 0 { // which would be all
		return nil
	}
	var lines [][]byte
	err := audit.Read(ctx, dir, q, func(rec *audit.Record) error {
		lines = append(lines, rec.AppendJSON(nil))
		return nil
	})
	for _, line := range slices.Backward(lines) {
		rec, parsed := audit.ParseRecord(line)
		if err = errors.Join(err, parsed); err == nil {
			err = put(&rec)
		}
		if err != nil {
			break
		}
	}
	return err
}

// choosing says which records of which logs a command is about.
type choosing struct {
	q                      audit.Query
	dir, since, until, key string
	words                  string
}

// flags adds those that choose.
func (c *choosing) flags(f *pflag.FlagSet) {
	only(f, &c.key, "key", "the key of a person, as records have it: finds them in a copy of the log, too")
	f.StringVar(&c.dir, "dir", "", "directory of the log (default: the configuration's)")
	f.StringVar(&c.since, "since", "", "from this time: RFC 3339, or an age such as 24h or 7d")
	f.StringVar(&c.until, "until", "", "up to this time")
	only(f, &c.q.Principal, "principal", "the principal's subject")
	only(f, &c.q.Tenant, "tenant", "the principal's tenant: what is of others, or of none, is left out")
	only(f, &c.q.Upstream, "upstream", "the upstream")
	only(f, &c.q.Item, "item", "the tool, prompt or resource")
	only(f, &c.q.Code, "code", "the refusal's code")
	only(f, &c.q.Rule, "rule", "the rule that let it pass: its path in the configuration, or the whole of it")
	f.BoolVar(&c.q.Observed, "observed", false, "what a rule in observe mode would have refused")
	f.BoolVar(&c.q.Findings, "findings", false, "what a detector saw something in")
	f.BoolVar(&c.q.Weaker, "weaker", false, "calls to a command that may run without layers of its sandbox")
	only(f, &c.q.Approval, "approval", "the approval's id: the calls that waited for it or passed by it, and what was decided")
	only(f, &c.q.Hash, "hash", "the hash of an argument that audit.fields keeps so (audit hash)")
	only(f, &c.q.Trace, "trace", "the id of the distributed trace: 32 hexadecimal digits")
	only(f, &c.q.Exchange, "exchange", "the exchange's id")
	only(f, &c.q.Kind, "kind", "intent, outcome, event or start")
	only(f, &c.q.Event, "event", "the kind of an event, such as incident.canary")
	only(f, &c.q.Status, "status", "ok, error, refused or failed")
	f.StringVar(&c.words, "text", "", "words that each stand somewhere in what can be read of it, in any case")
	f.BoolVar(&c.q.Newest, "newest", false, "newest first")
	f.IntVar(&c.q.Limit, "limit", 0, "at most so many (default: all)")
}

// logs finishes the query and finds the logs.
func (c *choosing) logs(ctx context.Context, r *run) (dirs []string, err error) {
	if c.q.Since, err = moment(c.since); err != nil {
		return nil, fmt.Errorf("--since: %w", err)
	}
	if c.q.Until, err = moment(c.until); err != nil {
		return nil, fmt.Errorf("--until: %w", err)
	}
	if c.q.Words = strings.Fields(c.words); len(c.q.Words) > audit.MaxWords {
		return nil, fmt.Errorf("--text: at most %d words", audit.MaxWords)
	}
	if dirs, err = r.auditDirs(c.dir); err != nil {
		return nil, err
	}
	if c.q.Keys, err = r.keysOf(ctx, c.q.Principal, c.dir); err != nil {
		return nil, err
	}
	if c.key != "" {
		if c.q.Key, err = audit.ParseSubjectID(c.key); err != nil {
			return nil, fmt.Errorf("--key: %w", err)
		}
	}
	return dirs, nil
}

func (r *run) auditSearch() *cobra.Command {
	var what choosing
	var open, scan bool
	c := &cobra.Command{
		Use: "search", Short: "Print the records that match every given flag", Args: cobra.NoArgs,
		Long: `Print the records that match every given flag, oldest first. Where the gateway keeps an
index (audit.index), it says where to look; what it does not cover is read whole, and each
record comes from the log itself. Nobody signs the index: where somebody may have changed
files in data_dir, use --no-index, and audit verify.`,
		Example: `  doorward audit search --exchange 01K…
  doorward audit search --upstream files --item read_file --since 7d --format json
  doorward audit search --observed --since 7d
  doorward audit search --text "delete invoices" --newest --limit 20`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dirs, err := what.logs(cmd.Context(), r)
			if err != nil {
				return err
			}
			read := r.indexed
			if scan {
				read = audit.Read
			}
			return r.withOpening(cmd.Context(), open, what.dir, func(ctx context.Context, o *opening) error {
				found := false
				for _, o.dir = range dirs {
					err := read(ctx, o.dir, what.q, func(rec *audit.Record) error {
						found = true
						return o.put(ctx, rec)
					})
					if err == nil {
						err = o.flush(ctx)
					}
					if err != nil {
						return failed(err)
					}
				}
				if !found && !r.quiet {
					_, _ = fmt.Fprintln(r.errs(), "nothing on record matches")
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&open, "open", false, openUsage)
	c.Flags().BoolVar(&scan, "no-index", false, "read the whole log, and do not ask its index")
	what.flags(c.Flags())
	return c
}

// indexed is audit.Read with the index of the log, where there is one.
func (r *run) indexed(ctx context.Context, dir string, q audit.Query, yield func(*audit.Record) error) error {
	return index.Read(ctx, dir, q, app.TextLog(r.errs(), slog.LevelWarn), yield)
}

// moment reads a time, or an age before now. Empty is the zero time.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range [...]string{time.RFC3339, time.DateOnly} { // a date is its first moment, UTC
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	age, err := parseAge(s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time such as 2026-11-20T12:00:00Z, no date such as 2026-11-20, and no age such as 24h", s)
	}
	return time.Now().Add(-age), nil
}
