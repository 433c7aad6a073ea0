package scan

import "doorward/internal/gate"

// rule is one thing that is looked for in how a server is set up. Those about
// definitions are the detectors' (gate.Finding).
type rule struct {
	id       string
	severity gate.Severity
	title    string
	fix      string
}

// The rules about a client's file and an entry of it.
//
//nolint:gochecknoglobals // a table; read-only
var (
	ruleSecret       = rule{"config.secret", gate.High, "A credential stands in the file", "put the value into a variable or a secret store, and refer to it; then change the credential, for it was in the open"}
	ruleSecretWord   = rule{"config.secret_in_command", gate.High, "A credential stands in the command or the URL", "hand it over in a variable: every process on this machine can read a command"}
	ruleUnpinned     = rule{"config.unpinned", gate.Medium, "The package or image has no fixed version", "write the exact version (name@1.2.3) or the digest (image@sha256:…): whoever publishes the next one decides what runs"}
	ruleDownload     = rule{"config.download", gate.High, "The command downloads something and runs it", "install it once, look at it, and start what was installed"}
	ruleDanger       = rule{"config.danger", gate.Medium, "The command does what a server need not do", "look at the command, and start the server by itself"}
	rulePrivileged   = rule{"config.privileged", gate.High, "The command gets hold of the machine", "leave the option out: a server needs neither another user's rights nor the host's"}
	ruleSteered      = rule{"config.steered", gate.Medium, "A variable changes which code runs", "take the variable out, unless you know why it is there"}
	ruleHTTP         = rule{"config.http", gate.High, "The server, or its code, is reached over plain http", "use https: who sits in between reads and changes everything"}
	ruleHTTPArgument = rule{"config.http_argument", gate.Medium, "The server is told of a plain http address", "use https: who sits in between reads and changes what the server gets from there"}
	ruleUnverified   = rule{"config.unverified", gate.High, "A check of certificates or packages is switched off", "take it out, and add the authority that is missing (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS): who sits in between reads and changes everything"}
	ruleProxy        = rule{"config.proxy", gate.Medium, "What the server sends goes through a proxy", "take the variable out, unless the proxy is your own: who runs it sees where the server connects, and reads what is not encrypted"}
	ruleExposed      = rule{"config.exposed", gate.High, "Others on this machine may change what runs", "start it from a directory that only you, or an administrator, may write to"}
	ruleQuery        = rule{"config.url_secret", gate.Medium, "The URL has a query or a user name", "a key in a URL ends up in logs: send it in a header"}
	ruleOthersWrite  = rule{"config.writable", gate.High, "Everybody on this machine may change the file", "chmod o-w: whoever changes it decides which commands your client starts"}
	ruleOthersRead   = rule{"config.readable", gate.Medium, "Others on this machine may read the credentials in the file", "chmod 600"}
	ruleApproves     = rule{"config.auto_approve", gate.Medium, "The client approves tools by itself", "take it out, or let Doorward hold what changes: nobody sees what is called"}
	ruleTwice        = rule{"config.twice", gate.Low, "Two clients start the server in different ways", "say it once, in Doorward"}
	ruleBroken       = rule{"config.unreadable", gate.Low, "The entry cannot be read", "mend it or take it out"}
)

func rules() []rule {
	return []rule{
		ruleSecret, ruleSecretWord, ruleUnpinned, ruleDownload, ruleDanger, rulePrivileged, ruleSteered, ruleHTTP,
		ruleHTTPArgument, ruleUnverified, ruleProxy, ruleExposed, ruleQuery, ruleOthersWrite, ruleOthersRead, ruleApproves, ruleTwice, ruleBroken,
	}
}
