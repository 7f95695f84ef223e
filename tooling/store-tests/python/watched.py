def before_each(target, names, call):
    """Has `call` called before each of these methods."""
    for name in names:

        def watched(*args, send=getattr(target, name), **options):
            call()
            return send(*args, **options)

        setattr(target, name, watched)
