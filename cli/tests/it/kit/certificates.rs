//! Certificates for one test run, made by the run itself: nothing in the repository can expire or leak.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, Error, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

/// Who signs.
pub(crate) struct Authority {
    /// Its own certificate, PEM.
    pub(crate) certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
pub(crate) struct Signed {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Result<Authority, Error> {
        let key = KeyPair::generate()?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Ok(Authority {
            certificate: parameters.self_signed(&key)?.pem(),
            issuer: Issuer::new(parameters, key),
        })
    }

    /// For a server at this address: clients compare it with where they called.
    pub(crate) fn server(&self, address: &str) -> Result<Signed, Error> {
        let parameters = CertificateParams::new([address.to_owned()])?;
        self.sign(
            parameters,
            "broker",
            vec![ExtendedKeyUsagePurpose::ServerAuth],
        )
    }

    /// For one that is called at this address and calls others.
    pub(crate) fn member(&self, address: &str) -> Result<Signed, Error> {
        let parameters = CertificateParams::new([address.to_owned()])?;
        let both = [
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.sign(parameters, "member", both.to_vec())
    }

    /// For a client of this name.
    pub(crate) fn client(&self, name: &str) -> Result<Signed, Error> {
        self.sign(
            CertificateParams::default(),
            name,
            vec![ExtendedKeyUsagePurpose::ClientAuth],
        )
    }

    fn sign(
        &self,
        mut parameters: CertificateParams,
        name: &str,
        usages: Vec<ExtendedKeyUsagePurpose>,
    ) -> Result<Signed, Error> {
        let key = KeyPair::generate()?;
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.extended_key_usages = usages;
        Ok(Signed {
            certificate: parameters.signed_by(&key, &self.issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}
