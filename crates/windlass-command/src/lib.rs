//! The command language of the console and of NoLanguage endpoints.
