package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/app"
)

func (r *run) upstreamCommand() *cobra.Command {
	return group("upstream", "See how upstreams do, and install what their commands run",
		`  doorward upstream list
  doorward upstream install files`,
		r.upstreamList(), r.upstreamInstall())
}

func (r *run) upstreamInstall() *cobra.Command {
	var registry, python string
	c := &cobra.Command{
		Use: "install UPSTREAM", Short: "Install the package that an upstream's command names", Args: cobra.ExactArgs(1),
		Long: `Install the package of an upstream into data_dir/packages/UPSTREAM. Its command is
npx PACKAGE@VERSION (or npx -y before it), uvx PACKAGE@VERSION, uvx --from PACKAGE==VERSION
PROGRAM, uv tool run or pipx run with the same, also with --with PACKAGE==VERSION.

npm, or pip of the interpreter that --python names, does so in a sandbox that reaches the
registry alone and writes that directory alone, and runs no script of a package: of Python,
wheels alone are taken. Every archive must have the SHA-512 or SHA-256 that the registry says;
installed again, the one that it had the first time. What was installed before stays until the
new one is whole.

The upstream's command is then node or python3 with the program of the package, without the
registry in sandbox.network, from the next start or reload of the gateway, and doorward.lock
pins what is installed. Where the command names another version than what is installed, it is
not started.

Run it as the user of the gateway. It works while that runs, and without.`,
		Example: `  doorward upstream install files
  doorward upstream install files --registry https://npm.example.com/
  doorward upstream install files --format json
  doorward upstream install git --python /usr/bin/python3`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := r.load()
			if err != nil {
				return err
			}
			is, err := app.InstallPackage(cmd.Context(), cfg, r.config, app.PackageOrder{Upstream: args[0], Registry: registry, Python: python, Environment: r.Environ})
			if err != nil {
				return failed(err)
			}
			return failed(r.put(is, func(w io.Writer) error { return r.writeInstalled(w, &is) }))
		},
	}
	c.Flags().StringVar(&registry, "registry", "", "URL of another registry than that of npm, or of another index than PyPI's (https://pypi.example.com/simple/)")
	c.Flags().StringVar(&python, "python", "", "path of the interpreter for a package of Python (default: the first python3 in PATH that is no script)")
	return c
}

// writeInstalled tells people what was installed.
func (r *run) writeInstalled(w io.Writer, is *app.PackageInstalled) error {
	_, err := fmt.Fprintf(w, "package    %s\nversion    %s\nintegrity  %s\npackages   %d, with what it needs\ndirectory  %s\n",
		visible(is.Name), visible(is.Version), is.Integrity, is.Packages, visible(is.Dir))
	if err == nil && len(is.Unrun) > 0 {
		_, err = fmt.Fprintf(w, "not run    what would run at the installation, or at each start: %s\n", visible(strings.Join(is.Unrun, ", ")))
	}
	if !r.quiet {
		_, _ = fmt.Fprintf(r.errs(), "Reload or restart the gateway, look at it with doorward trust diff %s, and approve it.\n", visible(is.Upstream))
	}
	return err
}
