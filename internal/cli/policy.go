package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"doorward/internal/config"
	"doorward/internal/durable"
)

func (r *run) policyCommand() *cobra.Command {
	return group("policy", "Check, test, explain, learn and compare what roles allow",
		`  doorward policy check               does the policy mean what it says?
  doorward policy test cases.yaml     does it decide as these cases say? exit 3 when not
  doorward policy explain --role reader --call files/read_text --args '{"path":"/etc/passwd"}'
  doorward policy learn --since 7d    the smallest roles that last week's calls needed
  doorward policy replay new.yaml     what would another file have changed? exit 3 when it denies or opens
  doorward policy diff old.yaml new.yaml`,
		r.policyCheck(),
		r.policyTest(),
		r.policyExplain(),
		r.policyLearn(),
		r.policyReplay(),
		r.policyDiff(),
	)
}

// issuer is the realm of tokens that name none: that of the only issuer.
func issuer(cfg *config.Config) string {
	if len(cfg.Identity.Issuers) == 1 {
		return cfg.Identity.Issuers[0].Issuer
	}
	return ""
}

// maxRead bounds what a policy command reads of a file or stdin, in bytes: a
// configuration's own bound, and as much as a call's arguments can be judged by.
const maxRead = 1 << 20

// readBounded reads a file, or stdin for "-".
func (r *run) readBounded(name string) ([]byte, error) {
	if name != "-" {
		return durable.ReadNamed(name, maxRead)
	}
	data, err := io.ReadAll(io.LimitReader(r.Stdin, maxRead+1))
	if err == nil && len(data) > maxRead {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxRead)
	}
	return data, err
}
