package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/sandbox"
)

func (r *run) sandboxCommand() *cobra.Command {
	return group("sandbox", "Look at what confines an upstream's command",
		`  doorward sandbox plan files`,
		r.sandboxPlan())
}

func (r *run) sandboxPlan() *cobra.Command {
	return &cobra.Command{
		Use: "plan UPSTREAM", Short: "Show what an upstream's command would see and be kept to", Args: cobra.ExactArgs(1),
		Long: `Show what the command of an upstream would be started with now: the files and directories
that it sees and why, what it may write, its network, and its limits. Nothing is started.
What it needs besides is given to it in the configuration (upstreams.NAME.sandbox).`,
		Example: `  doorward sandbox plan files
  doorward sandbox plan files --format json`,
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := r.load()
			if err != nil {
				return err
			}
			plan, err := app.SandboxPlan(cfg, r.config, args[0], r.Environ)
			if err != nil {
				return failed(err)
			}
			return failed(r.put(plan, func(w io.Writer) error { return writePlan(w, plan) }))
		},
	}
}

// writePlan is a plan for people.
func writePlan(w io.Writer, p sandbox.Plan) error {
	rows := slices.Clone(p.Mounts)
	for at, to := range p.Links {
		rows = append(rows, sandbox.Mount{Path: at, Source: to, Why: "a link, as on this system"})
	}
	slices.SortFunc(rows, func(a, b sandbox.Mount) int { return strings.Compare(a.Path, b.Path) })
	err := table(w, "PATH\tFROM\tMAY\tWHY", rows, func(m sandbox.Mount) string {
		may := "read"
		if m.Write {
			may = "write"
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s", visible(m.Path), visible(m.Source), may, m.Why)
	})
	if err != nil {
		return err
	}
	network := "none"
	if p.Egress {
		network = "Doorward's proxy at " + sandbox.Proxy
	}
	l := p.Limits
	_, err = fmt.Fprintf(w, `
program   %s
directory %s
network   %s
limits    memory %d MiB, cpu %v, processes and threads %d, open files %d, largest file %d MiB, disk %d MiB, time %s
home      %s, /tmp and /dev/shm are empty at the start and gone at the end
`, visible(p.Path), visible(p.Dir), network, l.Memory>>20, l.CPU, l.Tasks, l.Files, l.FileSize>>20, l.Disk>>20, wall(l), sandbox.Home)
	return err
}

func wall(l sandbox.Limits) string {
	if l.Wall == 0 {
		return "as long as it is wanted"
	}
	return l.Wall.String()
}
