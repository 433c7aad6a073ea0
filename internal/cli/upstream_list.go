package cli

import (
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) upstreamList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the upstreams of the running gateway, and whether calls are kept from them", Args: cobra.NoArgs,
		Long: `List the upstreams of the gateway that runs on the data directory: how each is reached, whether
its breaker keeps calls from it (open), lets one through to try it (half-open) or does neither
(closed), how many clients with processes of their own are kept from those, how many processes
run, and the last failure, which is gone once a call has worked.`,
		Example: `  doorward upstream list
  doorward upstream list --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := r.status(cmd.Context())
			if err != nil {
				return err
			}
			return failed(putAll(r, st.Upstreams, func(w io.Writer, all []admin.UpstreamStatus) error {
				return table(w, "UPSTREAM\tTRANSPORT\tBREAKER\tHELD BACK\tPROCESSES\tLAST FAILURE", all, upstreamRow)
			}))
		},
	}
}

func upstreamRow(u admin.UpstreamStatus) string {
	last := visible(u.Error)
	if last == "" {
		last = "-"
	}
	return strings.Join([]string{visible(u.Name), u.Transport, u.Breaker, strconv.Itoa(u.HeldBack), strconv.Itoa(u.Children), last}, "\t")
}
