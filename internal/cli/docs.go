package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/config"
	"doorward/internal/docs"
)

func (r *run) docsCommand() *cobra.Command {
	return group("docs", "Bring documents into an index of builtin docs, search it and measure it",
		`  doorward docs ingest ./handbook
  doorward docs status
  doorward docs search "how do I get a key"
  doorward docs eval questions.yaml`,
		r.docsIngest(), r.docsReindex(), r.docsRemove(), r.docsStatus(), r.docsSearch(), r.docsEval(), r.docsFetchModel())
}

// meantFlags say which builtin docs a command is about, and what it is asked with.
type meantFlags struct{ upstream, key string }

func (f *meantFlags) add(c *cobra.Command) {
	only(c.Flags(), &f.upstream, "upstream", "the upstream with builtin: docs; may be left out where there is one")
	c.Flags().StringVar(&f.key, "key", "", "the secret with the embedder's key, where callers bring their own (embedder.key: request:HEADER)")
}

// documents does something with the documents of an upstream.
func (r *run) documents(meant meantFlags, do func(cfg *config.Config, d *app.Documents) error) error {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	d, err := app.OpenDocuments(app.DocumentsOptions{Config: cfg, Path: r.config, Environment: r.Environ, Upstream: meant.upstream, Key: meant.key})
	if err != nil {
		return failed(err)
	}
	err = do(cfg, d)
	if errors.Is(err, docs.ErrEmpty) {
		err = fmt.Errorf("%w: doorward docs ingest PATH brings documents in", docs.ErrEmpty)
	}
	return failed(errors.Join(err, d.Close()))
}

// statusJSON is what an index has, and what is configured where that is not the same.
type statusJSON struct {
	Upstream   string        `json:"upstream"`
	Generation string        `json:"generation"`
	Documents  int           `json:"documents"`
	Passages   int           `json:"passages"`
	Embedder   string        `json:"embedder"`
	Model      string        `json:"model"`
	Dimensions int           `json:"dimensions"`
	Chunker    string        `json:"chunker"`
	Sources    []docs.Source `json:"sources"`
	Amiss      []string      `json:"amiss"` // why it is not searched, or is to be brought in again
}

func (r *run) docsStatus() *cobra.Command {
	var meant meantFlags
	c := &cobra.Command{
		Use: "status", Short: "Show what an index holds and what it was made with", Args: cobra.NoArgs,
		Long: `Show what the index of a builtin docs holds, what it was made with, where its documents come
from, and whether the configuration still says the same. Exit 3 where it does not.`,
		Example: `  doorward docs status
  doorward docs status --upstream handbook --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.documents(meant, func(_ *config.Config, d *app.Documents) error {
				s, err := madeOf(cmd.Context(), d)
				if err != nil {
					return err
				}
				if err := r.put(s, s.text); err != nil {
					return err
				}
				if len(s.Amiss) > 0 {
					return &exit{code: exitFindings}
				}
				return nil
			})
		},
	}
	meant.add(c)
	return c
}

func madeOf(ctx context.Context, d *app.Documents) (statusJSON, error) {
	out := statusJSON{Upstream: d.Upstream, Sources: []docs.Source{}, Amiss: []string{}}
	s, err := d.Library.Index.State(ctx)
	if errors.Is(err, docs.ErrEmpty) {
		out.Amiss = append(out.Amiss, "no ingestion has finished yet: doorward docs ingest PATH brings documents in, and goes on where one was interrupted")
		return out, nil
	}
	if err != nil {
		return out, err
	}
	n, err := d.Job.Index.Count(ctx, s.Generation)
	if err != nil {
		return out, err
	}
	out.Generation, out.Documents, out.Passages = s.Generation, n.Documents, n.Passages
	out.Embedder, out.Model, out.Dimensions, out.Chunker = s.Made.Embedder, s.Made.Model, s.Made.Dimensions, s.Made.Chunker
	out.Sources = append(out.Sources, s.Made.Sources...)
	if err := d.Library.Wanted.Serves(&s); err != nil {
		out.Amiss = append(out.Amiss, err.Error())
	} else if s.Made.Chunker != d.Library.Wanted.Chunker {
		out.Amiss = append(out.Amiss, fmt.Sprintf("documents are cut by %s, and the configuration says %s: bring them in again (doorward docs ingest)", s.Made.Chunker, d.Library.Wanted.Chunker))
	}
	return out, nil
}

func (s *statusJSON) text(w io.Writer) error {
	if s.Generation != "" {
		_, _ = fmt.Fprintf(w, "%s: %d documents, %d passages, generation %s\nmade with %s %s, %d dimensions; %s\n", s.Upstream, s.Documents, s.Passages, visible(s.Generation), visible(s.Embedder), visible(s.Model), s.Dimensions, visible(s.Chunker))
		if err := table(w, "SOURCE\tKIND\tORIGIN", s.Sources, func(s docs.Source) string {
			return visible(s.Name) + "\t" + visible(s.Kind) + "\t" + visible(s.Origin)
		}); err != nil {
			return err
		}
	}
	for _, a := range s.Amiss {
		_, _ = fmt.Fprintf(w, "amiss: %s\n", visible(a))
	}
	return nil
}

// rolesOf are the roles that a search has, as an index wants them.
func rolesOf(roles []string) []string { return slices.Compact(slices.Sorted(slices.Values(roles))) }

// modes are the ways to search.
func modes() []string { return []string{docs.Hybrid, docs.Words, docs.Meaning} }

// checkMode refuses another.
func checkMode(mode string) error {
	if !slices.Contains(modes(), mode) {
		return fmt.Errorf("--mode %q: want %s", mode, strings.Join(modes(), ", "))
	}
	return nil
}
