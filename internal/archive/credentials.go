package archive

import (
	"errors"
	"fmt"
	"os"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// errNoCredentials says that who gives credentials does not answer, which may pass.
var errNoCredentials = errors.New("no credentials are to be had now")

// sources are where credentials are looked for, in order. Where none has any the requests are not signed, which does for a
// public bucket; but not where there should be some: unsigned ones would be denied, and nobody would see that it was the
// service of the machine's role that failed for a moment.
type sources struct {
	all  []credentials.Provider
	from credentials.Provider // had some, last
}

// roleVariables are those by which a cloud tells its programs that they have a role.
var roleVariables = []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"}

func (s *sources) expected() bool {
	for _, name := range roleVariables {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return s.from != nil
}

// RetrieveWithCredContext is minio's.
func (s *sources) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	var why error
	for _, p := range s.all {
		v, err := p.RetrieveWithCredContext(cc)
		if v.AccessKeyID != "" || v.SecretAccessKey != "" {
			s.from = p
			return v, nil
		}
		why = err
	}
	if s.expected() {
		return credentials.Value{}, fmt.Errorf("%w: %w", errNoCredentials, why)
	}
	return credentials.Value{SignerType: credentials.SignatureAnonymous}, nil
}

// Retrieve is minio's old name of it.
func (s *sources) Retrieve() (credentials.Value, error) { return s.RetrieveWithCredContext(nil) }

// IsExpired is minio's.
func (s *sources) IsExpired() bool { return s.from == nil || s.from.IsExpired() }
