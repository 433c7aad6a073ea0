package sql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
)

// Numbers of errors that say more than what is wrong with a statement:
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and
// https://mariadb.com/kb/en/mariadb-error-code-reference/
const (
	erKilled           = 1317 // the statement
	erKilledConnection = 1927 // MariaDB
	erLateMaria        = 1969 // max_statement_time
	erLate             = 3024 // max_execution_time
	erLockWait         = 1205
	erNoTable          = 1142
	erNoColumn         = 1143
	erColumnAbsent     = 1054
	erTableAbsent      = 1146
	erNoReadOnly       = 1792 // the transaction only reads
)

// plainFaults are the errors whose words name nothing but what the statement names: others
// name the account and its host, or a definer.
//
//nolint:gochecknoglobals // a table; read-only
var plainFaults = map[uint16]bool{
	1048: true, 1051: true, 1052: true, 1054: true, 1055: true, 1056: true, 1060: true, 1063: true, 1064: true, 1066: true, 1104: true, 1111: true,
	1140: true, 1146: true, 1153: true, 1191: true, 1210: true, 1221: true, 1222: true, 1235: true, 1241: true, 1242: true, 1247: true, 1248: true, 1250: true, 1253: true,
	1264: true, 1265: true, 1267: true, 1270: true, 1271: true, 1272: true, 1273: true, 1292: true, 1300: true, 1301: true, 1305: true, 1327: true,
	1365: true, 1366: true, 1406: true, 1411: true, 1425: true, 1427: true, 1436: true, 1439: true, 1525: true, 1582: true, 1583: true, 1584: true, 1630: true, 1690: true,
	1815: true, 3140: true, 3141: true, 3143: true, 3144: true, 3146: true, 3578: true, 3579: true, 3583: true, 3587: true, 3593: true, 3595: true,
	4015: true, 4016: true, 4035: true, 4036: true, 4037: true, 4038: true, 4040: true, 4041: true, 4042: true, 4044: true, 4078: true, 4161: true,
}

// fault is an error of a statement, with the server's own words where they name nothing that
// the statement does not.
func (v *visit) fault(err error) error {
	if broken := v.wire.why(); broken != nil {
		v.cut = true
		return broken
	}
	said, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return otherFault(err)
	}
	switch said.Number {
	case erKilled, erKilledConnection, erLateMaria, erLate, erLockWait:
		return errLate
	case erNoTable, erNoColumn:
		return fmt.Errorf("the statement reads something that the database's account may not read (error %d)", said.Number)
	case erNoReadOnly:
		return errors.New("the statement would write (error 1792)")
	}
	if plainFaults[said.Number] {
		return fmt.Errorf("%s (error %d)", text(said.Message), said.Number)
	}
	return fmt.Errorf("the database refuses the statement (error %d)", said.Number)
}

// otherFault is an error of the driver's own. Of those the one that it has no type for, and
// a client can mend, is a number of parameters that is not the statement's.
func otherFault(err error) error {
	if errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, mysql.ErrMalformPkt) || errors.Is(err, mysql.ErrPktSync) {
		return errors.New("the connection to the database ended without an answer")
	}
	return errors.New("the database gave no answer: are there as many params as ? in the statement?")
}

// fault says why there is no connection, without the names of host and account
// that the server's words have.
func (w *wire) fault(err error) error {
	if broken := w.why(); broken != nil {
		err = broken
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, errClear, errGreeted, errColumns, errLong} {
		if errors.Is(err, known) {
			return known
		}
	}
	if said, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return fmt.Errorf("the database refuses the connection (error %d)", said.Number)
	}
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	if unverified || unknown || errors.Is(err, mysql.ErrNoTLS) {
		return errors.New("the database does not show a certificate that can be verified: name its authority with ca in the URL")
	}
	return errors.New("the database cannot be reached")
}
