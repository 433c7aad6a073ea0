package cli

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"
)

// version is what version and --version say.
func (r *run) version() string {
	return fmt.Sprintf("%s (%s %s/%s)", r.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func (r *run) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version string `json:"version"`
				Go      string `json:"go"`
				OS      string `json:"os"`
				Arch    string `json:"arch"`
			}{r.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH}
			return r.put(v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "doorward %s\n", r.version())
				return err
			})
		},
	}
}
