import COpenSSL

extension TLSConfiguration {
    /// Adds the pin of the first certificate in a PEM file.
    ///
    /// Reads the disk. Throws `.configuration` where there is none.
    package mutating func pin(certificateIn file: String) throws(TLSError) {
        ErrorQueue.clear()
        guard let source = unsafe BIO_new_file(file, "r") else {
            throw .configuration("the certificate '\(file)' cannot be read: \(ErrorQueue.drain().text)")
        }
        defer { unsafe BIO_free(source) }
        guard let certificate = unsafe PEM_read_bio_X509(source, nil, nil, nil) else {
            throw .configuration("'\(file)' holds no certificate in PEM form: \(ErrorQueue.drain().text)")
        }
        defer { unsafe X509_free(certificate) }
        pins.append(unsafe Certificate.sha256(of: certificate))
    }
}
