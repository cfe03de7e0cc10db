package archive

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// errNoCredentials says that who gives credentials does not answer, which may pass.
var errNoCredentials = errors.New("no credentials are to be had now")

// keysInterval is how often keys are read again that may be exchanged at any time. A role's say themselves how long they
// are good for.
const keysInterval = time.Minute

// Keys sign requests to a bucket. Session is that of a session, empty where there is none.
type Keys struct{ Access, Secret, Session string }

// credentialsOf are those that are set, or are looked for where the cloud's own tools look.
func credentialsOf(o Options) *credentials.Credentials {
	if o.Keys != nil {
		return credentials.New(&reread{Provider: configured(o.Keys)})
	}
	return credentials.New(&sources{all: []credentials.Provider{
		&credentials.EnvAWS{},
		&reread{Provider: &credentials.FileAWSCredentials{}},
		&credentials.IAM{Client: &http.Client{Timeout: 10 * time.Second}},
	}})
}

// configured are keys of our own configuration.
type configured func() (Keys, error)

// RetrieveWithCredContext is minio's.
func (c configured) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	k, err := c()
	if err != nil {
		return credentials.Value{}, fmt.Errorf("%w: %w", errNoCredentials, err)
	}
	return credentials.Value{AccessKeyID: k.Access, SecretAccessKey: k.Secret, SessionToken: k.Session,
		SignerType: credentials.SignatureV4}, nil
}

// Retrieve is minio's old name of it.
func (c configured) Retrieve() (credentials.Value, error) { return c.RetrieveWithCredContext(nil) }

// IsExpired is minio's.
func (c configured) IsExpired() bool { return false }

// reread has a provider asked again each keysInterval. While that has none, which is so while a file is being replaced,
// those that it gave last stand: a store that takes them no more says so itself. For one goroutine at a time.
type reread struct {
	credentials.Provider
	last credentials.Value
	at   time.Time
}

// RetrieveWithCredContext is minio's.
func (r *reread) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	v, err := r.Provider.RetrieveWithCredContext(cc)
	if v.AccessKeyID == "" && r.last.AccessKeyID == "" {
		return v, err
	}
	if v.AccessKeyID != "" {
		r.last = v
	}
	r.at = time.Now()
	return r.last, nil
}

// Retrieve is minio's old name of it.
func (r *reread) Retrieve() (credentials.Value, error) { return r.RetrieveWithCredContext(nil) }

// IsExpired is minio's.
func (r *reread) IsExpired() bool { return time.Since(r.at) >= keysInterval }

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
