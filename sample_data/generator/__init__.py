"""The seeded generator behind the sample shops: world (latent truth), pictures and words (what is seen), shop (the files)."""
