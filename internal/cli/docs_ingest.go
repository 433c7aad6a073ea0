package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/config"
	"doorward/internal/docs"
	"doorward/internal/docs/gather"
	"doorward/internal/docs/ingest"
)

// docsFlags are those of the commands that bring documents in.
type docsFlags struct {
	meant   meantFlags
	name    string
	private []string
	trust   bool // sources that a shared index has
}

func (f *docsFlags) add(c *cobra.Command) {
	f.meant.add(c)
	c.Flags().StringArrayVar(&f.private, "private-host", nil, "HOST or HOST:PORT that pages may be fetched from though its address is not public; may be given several times")
	c.Flags().BoolVar(&f.trust, "trust-sources", false, "read the directories and files that an index that others share names as its sources: whoever may write to it chooses them")
}

func (r *run) docsIngest() *cobra.Command {
	var f docsFlags
	c := &cobra.Command{
		Use: "ingest [PATH | SITEMAP | URL-LIST]...", Short: "Bring documents into an index",
		Long: `Bring in what is new or has changed, and take out what is gone: of directories, of sitemaps
(https://…/sitemap.xml), and of files with a URL on each line. Without one, all sources of the
index are brought in again; directories and files that an index that others share names
are read with --trust-sources alone. Markdown, HTML, PDF, text, source code and what reads as text are read;
secrets, .git, links and binary files are passed over. Pages are fetched over https, from
public addresses, as robots.txt lets them be.

Each document is looked at by the detectors before it is kept. Nothing that is unchanged is
embedded again. Ctrl-C ends it at any moment: what was brought in stays, and the same command
goes on. A reindex that was interrupted begins anew after it. Exit 3 when documents were blocked or could not be read.`,
		Example: `  doorward docs ingest ./handbook
  doorward docs ingest --name go ~/go/src https://docs.example.com/sitemap.xml
  doorward docs ingest                              # everything again
  doorward docs ingest --private-host wiki.internal:443 wiki-urls.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.name != "" && len(args) != 1 {
				return errors.New("--name is of one source: name sources one after the other")
			}
			return r.bringIn(cmd.Context(), &f, args, false)
		},
	}
	f.add(c)
	c.Flags().StringVar(&f.name, "name", "", "name of the source, a part of its documents' URIs; made of its path unless given")
	return c
}

func (r *run) docsReindex() *cobra.Command {
	var f docsFlags
	c := &cobra.Command{
		Use: "reindex", Short: "Make an index again, with what is configured now", Args: cobra.NoArgs,
		Long: `Bring everything into a new generation of the index, with the model, the dimensions and the
bounds that are configured now. The old one stays as it is until the last document is in; then
the new one takes its place at once. Ctrl-C ends it; the same command goes on, unless docs
ingest or docs remove has finished in between: that throws away what is not in use.`,
		Example: `  doorward docs reindex
  doorward docs reindex --upstream handbook`,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.bringIn(cmd.Context(), &f, nil, true) },
	}
	f.add(c)
	return c
}

func (r *run) docsRemove() *cobra.Command {
	var meant meantFlags
	c := &cobra.Command{
		Use: "remove SOURCE", Short: "Take a source out of an index, with all its documents", Args: cobra.ExactArgs(1),
		Example: `  doorward docs remove handbook`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.documents(meant, func(_ *config.Config, d *app.Documents) error {
				var n int
				var left error
				err := r.onRecord(cmd.Context(), admin.DocumentsChange{Upstream: d.Upstream, Action: "remove", Sources: args}, func() (err error) {
					n, left, err = ingest.Remove(cmd.Context(), d.Job.Index, args[0])
					return err
				})
				if err != nil {
					return err
				}
				why := ""
				if left != nil {
					why = left.Error()
				}
				return r.put(map[string]any{"source": args[0], "removed": n, "left": why}, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "%s is taken out, with %d documents.\n", visible(args[0]), n)
					return errors.Join(err, leftText(w, why))
				})
			})
		},
	}
	meant.add(c)
	return c
}

// bringIn opens the sources and brings them in; without one those of the index.
func (r *run) bringIn(ctx context.Context, f *docsFlags, args []string, again bool) error {
	return r.documents(f.meant, func(cfg *config.Config, d *app.Documents) error {
		sources, err := sourcesOf(ctx, d, f.name, args)
		if err != nil {
			return err
		}
		if len(args) == 0 && !f.trust {
			if err := own(cfg.Upstreams[d.Upstream].Index.Kind, sources); err != nil {
				return err
			}
		}
		web, err := gather.NewWeb(gather.WebConfig{Named: f.private})
		if err != nil {
			return err
		}
		defer web.Close()
		var from []ingest.From
		defer func() {
			for _, one := range from {
				_ = one.Documents.Close() // it was read from alone
			}
		}()
		for _, s := range sources {
			if s.Kind == gather.KindTree {
				if err := d.Apart(s.Origin); err != nil {
					return err
				}
			}
			opened, err := gather.Open(s, gather.Opening{Prefix: gather.Prefix(d.Upstream, s.Name), Ignore: d.Ignore, Web: web})
			if err != nil {
				return err
			}
			from = append(from, ingest.From{Source: s, Documents: opened})
		}
		return r.ingest(ctx, d, from, again)
	})
}

// sourcesOf are those that the arguments name, or those of the index.
func sourcesOf(ctx context.Context, d *app.Documents, name string, args []string) ([]docs.Source, error) {
	var all []docs.Source
	for _, arg := range args {
		s, err := gather.Named(arg, name)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if len(args) > 0 {
		return all, nil
	}
	state, err := d.Library.Index.State(ctx)
	if errors.Is(err, docs.ErrEmpty) || err == nil && len(state.Made.Sources) == 0 {
		return nil, docs.ErrEmpty
	}
	return state.Made.Sources, err
}

// own refuses sources on this machine that an index names which others may write to: they
// would choose what of it is read.
func own(index string, sources []docs.Source) error {
	if index == config.IndexEmbedded {
		return nil
	}
	var local []string
	for _, s := range sources {
		if s.Kind != gather.KindSitemap {
			local = append(local, visible(s.Name)+" ("+visible(s.Origin)+")")
		}
	}
	if len(local) == 0 {
		return nil
	}
	return fmt.Errorf("the index in %s names sources on this machine, and whoever may write to it could have named them: %s; name them yourself (docs ingest PATH), or give --trust-sources if they are yours", index, strings.Join(local, ", "))
}

// ingest runs it and says what came of it, also of a run that was interrupted.
func (r *run) ingest(ctx context.Context, d *app.Documents, from []ingest.From, again bool) error {
	job := d.Job
	show, done := r.progress()
	job.Progress = show
	run, change := job.Run, admin.DocumentsChange{Upstream: d.Upstream, Action: "ingest"}
	if again {
		run, change.Action = job.Again, "reindex"
	}
	for _, f := range from {
		change.Sources = append(change.Sources, f.Name)
	}
	var report ingest.Report
	err := r.onRecord(ctx, change, func() (err error) {
		report, err = run(ctx, from)
		return err
	})
	done()
	if err != nil && report.Took == 0 {
		return err // nothing was begun
	}
	if ctx.Err() != nil && !report.Finished {
		err = fmt.Errorf("interrupted: %d documents are kept, and the same command goes on from there", report.New+report.Changed+report.Unchanged)
	}
	if put := r.put(&report, func(w io.Writer) error { return reportText(w, &report) }); put != nil {
		return errors.Join(err, put)
	}
	if err == nil && report.Blocked+report.Unread > 0 {
		return &exit{code: exitFindings}
	}
	return err
}

// onRecord puts a change of documents on record and then makes it; without a record it is not
// made. What fails is on record again.
func (r *run) onRecord(ctx context.Context, change admin.DocumentsChange, do func() error) error {
	record := func(ctx context.Context) error {
		return r.operate(ctx, func(ctx context.Context, op admin.Operator, actor string) error {
			return op.RecordDocuments(ctx, actor, change)
		})
	}
	if err := record(ctx); err != nil {
		return err
	}
	err := do()
	if err != nil {
		change.Failed = true
		err = errors.Join(err, record(context.WithoutCancel(ctx)))
	}
	return err
}

// reportText is a report for people.
func reportText(w io.Writer, p *ingest.Report) error {
	for _, n := range p.Notes {
		_, _ = fmt.Fprintf(w, "%-8s %s: %s: %s\n", n.What, n.Source, visible(n.Origin), visible(n.Why))
	}
	if p.Unnamed > 0 {
		_, _ = fmt.Fprintf(w, "and %d more\n", p.Unnamed)
	}
	_, err := fmt.Fprintf(w, "%d new, %d changed, %d unchanged, %d removed, %d skipped, %d blocked, %d unread; %d passages of %d bytes in %.1f s, %.0f a second\n",
		p.New, p.Changed, p.Unchanged, p.Removed, p.Skipped, p.Blocked, p.Unread, p.Passages, p.Bytes, p.Took.Seconds(), p.PerSecond())
	if p.Nobodys > 0 {
		_, err = fmt.Fprintf(w, "%d documents may be read by nobody: no rule of access is about them. A last rule for docs://UPSTREAM/** with roles: [\"*\"] gives them to whoever may use the upstream.\n", p.Nobodys)
	}
	return errors.Join(err, leftText(w, p.Left))
}

// leftText says what could not be removed, if anything could not.
func leftText(w io.Writer, left string) error {
	if left == "" {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s\n", visible(left))
	return err
}
